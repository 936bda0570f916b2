// A chart that is updated in place: one DOM node from the first number to the last, so zoom and hover survive.

const PLOTLY = new URL(`plotly.min.js${new URL(import.meta.url).search}`, import.meta.url) // the same version as this file's address
export const CONFIG = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] }
const PARTS = `
<style>
.l1-steps { display: flex; gap: 0.75rem; align-items: center; font-size: 0.875rem; }
.l1-steps[hidden] { display: none; }
.l1-steps input { flex: 1; accent-color: var(--st-primary-color); min-width: 4rem; }
.l1-steps output { min-width: 6rem; font-variant-numeric: tabular-nums; }
.l1-note { margin: 0.25rem 0 0; font-size: 0.875rem; opacity: 0.8; font-variant-numeric: tabular-nums; }
.l1-note:empty { display: none; }
</style>
<div class="l1-plot" role="img"></div>
<label class="l1-steps" hidden><span></span> <input type="range" min="0" step="1"> <output></output></label>
<p class="l1-note"></p>`

let loading

export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = PLOTLY
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => {
      loading = undefined
      reject(new Error(`cannot load ${PLOTLY.pathname}`))
    }
    document.head.append(script)
  })
  return loading
}

export function unpacked(bytes) {
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json()
}

export function colours(element) {
  const style = getComputedStyle(element)
  return (name) => style.getPropertyValue(`--st-${name}`).trim()
}

export function themed(layout, element) {
  const colour = colours(element)
  const axis = { gridcolor: colour("border-color"), zerolinecolor: colour("border-color"), linecolor: colour("border-color") }
  const result = {
    ...layout,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("text-color"), family: colour("font"), size: 12, ...layout.font },
    hoverlabel: { bgcolor: colour("secondary-background-color"), font: { color: colour("text-color") } },
  }
  for (const name of Object.keys(layout)) {
    if (/^[xy]axis\d*$/.test(name)) result[name] = { ...axis, ...layout[name] }
  }
  return result
}

// Calls of the result follow one another; of those made while one is under way only the last is answered.
export function oneByOne(work) {
  let asked = false
  let busy = false
  return async () => {
    asked = true
    if (busy) return
    busy = true
    while (asked) {
      asked = false
      await work()
    }
    busy = false
  }
}

// Of each place in the page its one object, which Streamlit's calls find again.
export function kept(Class) {
  const all = new WeakMap()
  return {
    draw({ data, parentElement, setTriggerValue }) {
      if (!all.has(parentElement)) all.set(parentElement, new Class(parentElement))
      all.get(parentElement).update(data, setTriggerValue)
    },
    release(parentElement) {
      all.get(parentElement)?.release()
      all.delete(parentElement)
    },
  }
}

class LiveChart {
  redraw = oneByOne(() => this.draw().catch((error) => { this.note.textContent = error.message }))

  constructor(parent) {
    parent.append(Object.assign(document.createElement("div"), { innerHTML: PARTS }))
    this.plot = parent.querySelector(".l1-plot")
    this.note = parent.querySelector(".l1-note")
    this.slider = parent.querySelector(".l1-steps")
    this.range = parent.querySelector("input")
    this.range.oninput = () => this.redraw()
    this.observer = new ResizeObserver(() => {
      if (this.plot.data && this.plot.offsetParent) window.Plotly.Plots.resize(this.plot)
    })
    this.observer.observe(this.plot)
  }

  update(bytes, tell) {
    this.bytes = bytes
    this.tell = tell
    this.redraw()
  }

  async draw() {
    if (this.unpackedFrom !== this.bytes) {
      this.unpackedFrom = this.bytes
      this.take(await unpacked(this.bytes))
    }
    const { figure, steps } = this.data
    const step = steps?.[this.range.value]
    const traces = step ? figure.data.map((trace, i) => ({ ...trace, ...step.data[i] })) : figure.data
    const finding = step?.alt ?? this.data.alt
    this.slider.querySelector("output").textContent = step?.label ?? ""
    this.note.textContent = this.data.note ? finding : ""
    const Plotly = await plotly()
    const first = !this.plot.data
    await Plotly.react(this.plot, traces, themed(figure.layout, this.plot), CONFIG)
    if (first) this.plot.on("plotly_click", ({ points: [{ x, y }] }) => this.data.picks && this.tell("picked", { x, y }))
    this.plot.setAttribute("aria-label", finding)
  }

  take(data) {
    this.plot.style.height = `${data.height}px`
    this.slider.hidden = !data.steps
    if (data.steps) {
      const follows = this.range.value === this.range.max || this.data?.subject !== data.subject
      this.range.max = data.steps.length - 1
      if (follows) this.range.value = this.range.max
      this.range.disabled = data.steps.length < 2
      this.slider.querySelector("span").textContent = data.steps_label
    }
    this.data = data
  }

  release() {
    this.observer.disconnect()
    if (this.plot.data) window.Plotly.purge(this.plot)
  }
}

export const { draw, release } = kept(LiveChart)
