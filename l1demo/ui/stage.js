// One slider over many panels, which all move in the browser itself: nothing is asked of the server while it is dragged.
// It stays in sight below Streamlit's header, because the panels are longer than a screen.

const { search } = new URL(import.meta.url) // the version, which all our files share
const { kept, oneByOne, unpacked } = await import(new URL(`live.js${search}`, import.meta.url))
const { Player } = await import(new URL(`player.js${search}`, import.meta.url))
const { PANELS, STYLE } = await import(new URL(`panels.js${search}`, import.meta.url))

const PARTS = `
<style>
.l1-stage { container-type: inline-size; position: relative; }
.l1-head { position: sticky; top: 3.75rem; z-index: 4; padding: 0.25rem 0 0.5rem; background: var(--st-background-color); }
.l1-head { container-type: scroll-state; } /* where a browser knows it: nothing shows between it and the top of the page */
@container scroll-state(stuck: top) {
  .l1-head::before { content: ""; position: absolute; inset: -3.75rem 0 100%; background: var(--st-background-color); }
}
.l1-row { display: flex; gap: 0.25rem 1rem; align-items: center; }
.l1-head label { flex: 1; display: flex; gap: 0.25rem 0.75rem; align-items: center; flex-wrap: wrap; }
.l1-head input { flex: 1; min-width: 8rem; height: 1.5rem; margin: 0; appearance: none; background: none; cursor: pointer; }
.l1-head input::-webkit-slider-runnable-track { height: 0.375rem; border-radius: 1rem; background:
  linear-gradient(90deg, var(--st-primary-color) var(--part), var(--st-border-color) var(--part)); }
.l1-head input::-moz-range-track { height: 0.375rem; border-radius: 1rem; background: var(--st-border-color); }
.l1-head input::-moz-range-progress { height: 0.375rem; border-radius: 1rem; background: var(--st-primary-color); }
.l1-head input::-webkit-slider-thumb { appearance: none; width: 1.25rem; height: 1.25rem; margin-top: -0.4375rem; border-radius: 50%;
  background: var(--st-primary-color); border: 2px solid var(--st-background-color); }
.l1-head input::-moz-range-thumb { width: 1.25rem; height: 1.25rem; box-sizing: border-box; border-radius: 50%;
  background: var(--st-primary-color); border: 2px solid var(--st-background-color); }
.l1-head input:focus { outline: none; }
.l1-head input:focus-visible::-webkit-slider-thumb { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
.l1-head input:focus-visible::-moz-range-thumb { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
.l1-play { min-width: 6rem; padding: 0.25rem 0.75rem; cursor: pointer; font: inherit; border-radius: 0.5rem; color: var(--st-text-color);
  background: none; border: 1px solid var(--st-primary-color); }
.l1-play:hover, .l1-play:focus-visible { background: var(--st-secondary-background-color); }
.l1-play[hidden] { display: none; }
.l1-at { min-width: 7rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.l1-finding { margin: 0.25rem 0 0; min-height: 1.5em; font-variant-numeric: tabular-nums; }
.l1-panels { display: grid; grid-template-columns: repeat(12, minmax(0, 1fr)); gap: 1.25rem 2rem; }
.l1-panel { grid-column: span var(--span); min-width: 0; margin: 0; contain: layout style; container-type: inline-size; }
.l1-panel > figcaption { font-weight: 600; font-size: 0.9375rem; margin-bottom: 0.25rem; }
@container (max-width: 640px) { .l1-panel { grid-column: 1 / -1; } }
.l1-tip { position: absolute; z-index: 5; pointer-events: none; padding: 0.2rem 0.5rem; font-size: 0.8125rem; white-space: nowrap;
  color: var(--st-text-color); background: var(--st-secondary-background-color); border: 1px solid var(--st-border-color);
  border-radius: 0.25rem; }
${STYLE}
</style>
<div class="l1-stage">
<div class="l1-head">
<div class="l1-row">
<button type="button" class="l1-play" hidden></button>
<label><span></span> <input type="range" min="0" step="1"> <span class="l1-at" aria-hidden="true"></span></label>
</div>
<p class="l1-finding" aria-live="polite"></p>
</div>
<div class="l1-panels"></div>
<div class="l1-tip" hidden></div>
</div>`

function painted() {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
}

class Stage {
  panels = []
  redraw = oneByOne(() => this.draw().catch((error) => { this.finding.textContent = error.message }))

  constructor(parent) {
    parent.append(Object.assign(document.createElement("div"), { innerHTML: PARTS }))
    this.root = parent.querySelector(".l1-stage")
    this.label = this.root.querySelector("label span")
    this.place = this.root.querySelector(".l1-at")
    this.finding = this.root.querySelector(".l1-finding")
    this.grid = this.root.querySelector(".l1-panels")
    this.tip = this.root.querySelector(".l1-tip")
    this.range = this.root.querySelector("input")
    this.player = new Player(this.root.querySelector(".l1-play"), (seconds) => this.follow(seconds))
    this.root.querySelector(".l1-play").onclick = () => this.playOrPause()
    this.range.oninput = () => { // all that a step moves, moves in one frame, however often the pointer does
      this.frame ??= requestAnimationFrame(() => {
        this.frame = undefined
        this.show()
      })
      this.player.pause() // who takes the slider looks, and does not listen
    }
    this.observer = new ResizeObserver(() => this.panels.forEach((panel) => panel.resize?.()))
    this.observer.observe(this.grid)
  }

  update(bytes) { // with new bytes, or in a new theme
    this.bytes = bytes
    this.redraw()
  }

  async draw() {
    if (this.unpackedFrom !== this.bytes) {
      this.unpackedFrom = this.bytes
      this.take(await unpacked(this.bytes))
    }
    for (const panel of this.panels) panel.dress?.()
    this.show()
    if (!window.Plotly) await painted() // the slider is alive before Plotly's code has run, which takes longer than all the rest
    await Promise.all(this.panels.map((panel) => panel.draw?.()))
  }

  take(data) {
    this.label.textContent = data.label
    const follows = this.range.value === this.range.max && data.start === data.steps.length - 1 // the newest of steps that grow
    this.range.max = data.steps.length - 1
    if (follows || this.data?.subject !== data.subject) this.range.value = data.start
    this.range.disabled = data.steps.length < 2
    this.data = data
    this.player.take(data.sound)
    data.panels.forEach((spec, i) => {
      if (this.panels[i]?.constructor !== PANELS[spec.kind]) {
        const box = document.createElement("figure")
        box.className = "l1-panel"
        box.innerHTML = "<figcaption></figcaption><div></div>"
        this.panels[i]?.release?.()
        if (this.panels[i]) this.grid.children[i].replaceWith(box)
        else this.grid.append(box)
        this.panels[i] = new PANELS[spec.kind](box.lastChild, (...about) => this.tell(...about))
      }
      const box = this.grid.children[i]
      box.firstChild.textContent = spec.title
      box.style.setProperty("--span", spec.span)
      this.panels[i].take(spec, data.subject)
    })
    for (const panel of this.panels.splice(data.panels.length)) {
      panel.release?.()
      this.grid.lastChild.remove()
    }
  }

  show() {
    const step = Number(this.range.value)
    this.range.style.setProperty("--part", `${(100 * step) / Math.max(this.range.max, 1)}%`)
    this.place.textContent = this.data.steps[step]
    this.range.setAttribute("aria-valuetext", this.data.steps[step])
    this.finding.setAttribute("aria-live", this.player.playing ? "off" : "polite") // nobody can follow it read aloud
    this.finding.textContent = this.data.alts[step]
    for (const panel of this.panels) panel.show(step)
  }

  playOrPause() {
    const step = Number(this.range.value)
    if (this.player.playing) this.player.pause()
    else this.player.play(step === Number(this.range.max) ? 0 : this.data.sound.seconds[step])
  }

  // Goes to the last step that the sound has come to.
  follow(seconds) {
    const step = Math.max(this.data.sound.seconds.findLastIndex((at) => at <= seconds), 0)
    if (step === Number(this.range.value)) return
    this.range.value = step
    this.show()
  }

  // Shows a few words beside the pointer; without words none.
  tell(words, x, y) {
    this.tip.hidden = !words
    if (!words) return
    this.tip.textContent = words
    if (x === undefined) return
    const { left, top, width } = this.root.getBoundingClientRect()
    this.tip.style.left = `${Math.max(0, Math.min(x - left + 14, width - this.tip.offsetWidth))}px`
    this.tip.style.top = `${y - top + 16}px`
  }

  release() {
    this.observer.disconnect()
    cancelAnimationFrame(this.frame)
    this.player.release()
    for (const panel of this.panels) panel.release?.()
  }
}

export const { draw, release } = kept(Stage)
