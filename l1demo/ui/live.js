// A chart that is updated in place: one DOM node from the first number to the last, so zoom and hover survive.

const LOADING = "__l1demo_plotly"

function load(address) {
  window[LOADING] ??= new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = address
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => {
      window[LOADING] = undefined
      reject(new Error(`cannot load ${address}`))
    }
    document.head.append(script)
  })
  return window[LOADING]
}

function themed(layout, element) {
  const style = getComputedStyle(element)
  const colour = (name) => style.getPropertyValue(`--st-${name}`).trim()
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

const CONFIG = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] }

function figureAt(data, step) {
  if (!data.steps) return data.figure
  const traces = data.figure.data.map((trace, i) => ({ ...trace, ...data.steps[step].data[i] }))
  return { ...data.figure, data: traces }
}

export default function ({ data, parentElement }) {
  const plot = parentElement.querySelector(".l1-plot")
  const note = parentElement.querySelector(".l1-note")
  const slider = parentElement.querySelector(".l1-steps")
  const range = slider.querySelector("input")
  const label = slider.querySelector("output")
  plot.style.height = `${data.height}px`

  const draw = async () => {
    const Plotly = await load(data.plotly)
    const step = data.steps ? Number(range.value) : 0
    const figure = figureAt(data, step)
    const alt = data.steps ? data.steps[step].alt : data.alt
    label.textContent = data.steps ? data.steps[step].label : ""
    note.textContent = data.note ? alt : ""
    plot.setAttribute("aria-label", alt)
    await Plotly.react(plot, figure.data, themed(figure.layout, plot), CONFIG)
  }

  slider.hidden = !data.steps
  if (data.steps) {
    const last = data.steps.length - 1
    const atEnd = range.value === range.max || plot.l1seen !== data.key
    range.max = last
    if (atEnd) range.value = last
    range.disabled = last < 1
    slider.querySelector("span").textContent = data.steps_label
    range.oninput = () => plot.l1draw()
  }
  plot.l1seen = data.key

  // Draws follow one another; of those that came while one was under way only the last is drawn.
  plot.l1draw = async () => {
    plot.l1pending = draw
    if (plot.l1busy) return
    plot.l1busy = true
    while (plot.l1pending) {
      const next = plot.l1pending
      plot.l1pending = undefined
      await next().catch((error) => { note.textContent = `${data.failed} (${error.message})` })
    }
    plot.l1busy = false
  }
  plot.l1draw()

  plot.l1observer ??= new ResizeObserver(() => {
    if (plot.l1width !== plot.clientWidth && plot.data) {
      plot.l1width = plot.clientWidth
      window.Plotly.Plots.resize(plot)
    }
  })
  plot.l1observer.observe(plot)
  return () => {
    plot.l1observer.disconnect()
    window.Plotly?.purge(plot)
  }
}
