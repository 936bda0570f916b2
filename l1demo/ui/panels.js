// The panels of a stage. take() has new data, dress() the theme's colours, draw() what needs Plotly; show() is the one that must be fast.

const { CONFIG, colours, plotly, themed } = await import(new URL(`live.js${new URL(import.meta.url).search}`, import.meta.url))

export const STYLE = `
.l1-curves { position: relative; }
.l1-over { position: absolute; overflow: hidden; pointer-events: none; }
.l1-over > * { position: absolute; left: 0; top: 0; will-change: transform; }
.l1-cursor { width: 2px; height: 100%; margin-left: -1px; background: var(--st-text-color); opacity: 0.7; }
.l1-dot { width: 10px; height: 10px; margin: -5px 0 0 -5px; border-radius: 50%; box-sizing: border-box;
  border: 2px solid var(--st-background-color); outline: 1px solid var(--st-text-color); }
.l1-maps { display: grid; gap: 0.2rem 0.4rem; font-size: 0.8125rem; text-align: center; }
.l1-maps canvas { width: 100%; height: var(--height); image-rendering: pixelated; display: block; }
.l1-rows { writing-mode: vertical-rl; transform: rotate(180deg); }
.l1-columns { grid-column: 3 / -1; }
.l1-key { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; justify-content: center; opacity: 0.85; }
.l1-key i { display: inline-block; width: 0.75rem; height: 0.75rem; vertical-align: -0.05rem; margin-right: 0.25rem;
  outline: 1px solid var(--st-border-color); }
.l1-key i.l1-scale { width: 6rem; margin: 0 0.25rem; }
.l1-key i.l1-strip { width: 4px; background: var(--st-text-color); }
.l1-histogram { display: grid; grid-template: auto var(--height) auto auto / 4.5rem auto 1fr; gap: 0.15rem 0.4rem; font-size: 0.8125rem;
  font-variant-numeric: tabular-nums; }
.l1-zero { grid-area: 1 / 1 / 3 / 2; position: relative; border-bottom: 1px solid var(--st-border-color); overflow: hidden; }
.l1-zero i { position: absolute; inset: 1.3rem 20% 0; transform-origin: bottom; will-change: transform; }
.l1-zero div { position: absolute; inset: 1.3rem 0 0; will-change: transform; pointer-events: none; }
.l1-zero b { position: absolute; bottom: 100%; left: 0; right: 0; text-align: center; }
.l1-centre { text-align: center; }
.l1-ticks { grid-area: 2 / 2; position: relative; min-width: 2.6rem; }
.l1-ticks span { position: absolute; right: 0; transform: translateY(50%); opacity: 0.85; }
.l1-histogram canvas { grid-area: 2 / 3; width: 100%; height: 100%; }
.l1-sizes { grid-area: 3 / 3; position: relative; height: 1.4em; }
.l1-sizes span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
@container (max-width: 18rem) { .l1-sizes span:nth-child(even) { display: none; } } /* of the panel: they would meet */
.l1-sizes span:first-child { transform: none; }
.l1-sizes span:last-child { transform: translateX(-100%); }
.l1-bars { display: grid; grid-template-columns: max-content 1fr 4rem; gap: 0.2rem 0.6rem; align-items: center; font-size: 0.875rem; }
.l1-bars > div { display: contents; }
.l1-bars span:last-child { text-align: right; font-variant-numeric: tabular-nums; }
.l1-bars .l1-track { height: 0.9rem; background: var(--st-secondary-background-color); border-radius: 2px; overflow: hidden; }
.l1-bars i { display: block; height: 100%; background: var(--st-gray-color); transform-origin: left; will-change: transform; }
.l1-bars .l1-chosen { font-weight: 700; }
.l1-bars .l1-chosen i { background: var(--st-primary-color); }
.l1-readouts { display: flex; flex-wrap: wrap; gap: 0.75rem 2rem; margin: 0; }
@container (max-width: 22rem) { .l1-readouts { display: grid; grid-template-columns: 1fr 1fr; } } /* beside others: in line with theirs */
.l1-readouts dt { font-size: 0.8125rem; opacity: 0.85; font-weight: 400; }
.l1-readouts dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums; line-height: 1.3; }
`

const TYPES = { f4: Float32Array, i4: Int32Array, i1: Int8Array, u1: Uint8Array }

function decoded({ dtype, bdata }) {
  const text = atob(bdata)
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i)
  return new TYPES[dtype](bytes.buffer)
}

function element(tag, className, text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text })
}

// A Plotly chart is far too slow to redraw at each step: it stands still, and marks move over it.
class Curves {
  marks = []

  constructor(box) {
    box.className = "l1-curves"
    this.plot = element("div", "l1-plot")
    this.plot.setAttribute("role", "img")
    this.over = element("div", "l1-over")
    this.cursor = element("div", "l1-cursor")
    this.over.append(this.cursor)
    box.append(this.plot, this.over)
  }

  take(spec, subject) {
    this.spec = spec
    this.subject = subject
    this.plot.style.height = `${spec.height}px`
    this.plot.setAttribute("aria-label", `${spec.title}. ${spec.alts[0]}`)
  }

  async draw() {
    const { data, layout } = this.spec.figure
    const Plotly = await plotly()
    const first = !this.plot.data
    await Plotly.react(this.plot, data, themed({ uirevision: this.subject, ...layout }, this.plot), CONFIG)
    if (first) this.plot.on("plotly_afterplot", () => this.settle())
    this.settle()
  }

  // Finds the pixels of all steps; Plotly calls after every change: zoom, resize, theme, a line hidden in the legend.
  settle() {
    const { xaxis, _size: area } = this.plot._fullLayout
    Object.assign(this.over.style, { left: `${xaxis._offset}px`, top: `${area.t}px`, width: `${xaxis._length}px`, height: `${area.h}px` })
    const across = this.spec.at.map((x) => (x === null ? NaN : xaxis.d2p(x)))
    this.marks = [{ node: this.cursor, at: across.map((x) => [x, 0]) }]
    for (const node of this.over.querySelectorAll(".l1-dot")) node.remove()
    for (const points of this.plot.calcdata) {
      const { trace } = points[0]
      if (trace.type !== "scatter" || trace.visible !== true || trace.showlegend === false || trace.mode === "markers" || trace.xaxis !== "x") continue
      const yaxis = this.plot._fullLayout[trace.yaxis.replace("y", "yaxis")]
      const line = points.map((point) => [xaxis.c2p(point.x), yaxis.c2p(point.y) + yaxis._offset - area.t])
      const node = element("div", "l1-dot")
      node.style.background = trace.line?.color ?? trace.marker?.color
      this.over.append(node)
      this.marks.push({ node, at: across.map((x) => [x, heightAt(line, x)]) })
    }
    this.show(this.step)
  }

  show(step) {
    this.step = step
    for (const { node, at } of this.marks) {
      const [x, y] = at[step] ?? [NaN, NaN]
      const seen = Number.isFinite(x) && Number.isFinite(y)
      node.style.visibility = seen ? "" : "hidden"
      if (seen) node.style.transform = `translate(${x}px, ${y}px)`
    }
  }

  resize() {
    if (this.plot.data && this.plot.offsetParent) window.Plotly.Plots.resize(this.plot)
  }

  release() {
    if (this.plot.data) window.Plotly.purge(this.plot)
  }
}

// The y of a line drawn through points at x, as Plotly draws it: straight from one to the next; NaN beside it.
function heightAt(line, x) {
  for (let i = 0; i < line.length; i++) {
    const [right, y] = line[i]
    if (Math.abs(right - x) < 0.01) return y
    if (i && (line[i - 1][0] - x) * (right - x) < 0) {
      const [left, before] = line[i - 1]
      return before + ((y - before) * (x - left)) / (right - left)
    }
  }
  return NaN
}

class Maps {
  constructor(box, tell) {
    this.box = box
    this.tell = tell
    box.className = "l1-maps"
    box.setAttribute("role", "img")
  }

  take(spec) {
    this.spec = spec
    const [, rows, columns] = spec.levels.shape.split(",").map(Number)
    this.levels = new Uint8Array(decoded(spec.levels).buffer) // a level is the place of its colour in the table
    this.colours = new Uint32Array(decoded(spec.colours).buffer)
    this.dead = spec.dead && decoded(spec.dead)
    this.units = rows / spec.gates.length
    this.columns = columns
    this.build()
  }

  build() {
    const { words, gates, full, height } = this.spec
    const form = JSON.stringify([words, gates, full, height, this.units, this.columns, !this.dead])
    if (form === this.form) return
    this.form = form
    this.box.style.setProperty("--height", `${height}px`)
    this.box.style.gridTemplateColumns = `auto ${this.dead ? 5 : 0}px repeat(${gates.length}, minmax(0, 1fr))`
    this.strip = Object.assign(document.createElement("canvas"), { width: 1, height: this.units })
    this.maps = gates.map((gate, i) => {
      const canvas = Object.assign(document.createElement("canvas"), { width: this.columns, height: this.units })
      const image = new ImageData(this.columns, this.units)
      canvas.onpointermove = canvas.onpointerdown = (event) => this.hover(i, event)
      canvas.onpointerleave = () => {
        this.hovered = undefined
        this.tell()
      }
      return { canvas, image, context: canvas.getContext("2d"), pixels: new Uint32Array(image.data.buffer) }
    })
    const key = element("div", "l1-key")
    key.innerHTML = `<span><i></i><span></span></span><span>−<b></b><i class="l1-scale"></i><b></b></span>`
    for (const number of key.querySelectorAll("b")) number.outerHTML = String(full)
    key.querySelector("span > span").textContent = words.zero
    key.querySelector("i").style.background = this.css(0)
    key.querySelector(".l1-scale").style.background =
      `linear-gradient(90deg, ${[129, 192, 255, 1, 64, 127].map((level) => this.css(level)).join(", ")})`
    if (this.dead) {
      key.insertAdjacentHTML("beforeend", `<span><i class="l1-strip"></i><span></span></span>`)
      key.lastChild.lastChild.textContent = words.dead
    }
    this.box.replaceChildren(
      element("span"), element("span"), ...gates.map((gate) => element("span", "", gate)),
      element("span", "l1-rows", words.rows), this.strip, ...this.maps.map(({ canvas }) => canvas),
      element("span", "l1-columns", words.columns), key,
    )
  }

  css(level) {
    return `rgb(${[0, 8, 16].map((shift) => (this.colours[level] >> shift) & 255).join()})`
  }

  dress() {
    this.ink = colours(this.box)("text-color")
  }

  show(step) {
    this.step = step
    const { levels, colours: table, units, columns } = this
    let at = step * this.maps.length * units * columns
    for (const { image, context, pixels } of this.maps) {
      for (let i = 0; i < pixels.length; i++) pixels[i] = table[levels[at++]]
      context.putImageData(image, 0, 0)
    }
    if (this.dead) {
      const context = this.strip.getContext("2d")
      context.clearRect(0, 0, 1, units)
      context.fillStyle = this.ink
      for (let unit = 0; unit < units; unit++) if (this.dead[step * units + unit]) context.fillRect(0, unit, 1, 1)
    }
    this.box.setAttribute("aria-label", `${this.spec.title}. ${this.spec.alts[step]}`)
    if (this.hovered) this.tell(this.about(...this.hovered))
  }

  hover(gate, event) {
    const { left, top, width, height } = event.target.getBoundingClientRect()
    const unit = Math.min(Math.max(Math.floor(((event.clientY - top) / height) * this.units), 0), this.units - 1)
    const column = Math.min(Math.max(Math.floor(((event.clientX - left) / width) * this.columns), 0), this.columns - 1)
    this.hovered = [gate, unit, column]
    this.tell(this.about(gate, unit, column), event.clientX, event.clientY)
  }

  about(gate, unit, column) {
    const { words, gates, full } = this.spec
    const level = (this.levels[((this.step * gates.length + gate) * this.units + unit) * this.columns + column] << 24) >> 24
    const w = (level / 127) * full
    const size = Math.abs(level) === 127 ? words.beyond.replace("{w}", full) : words.about.replace("{w}", w.toPrecision(2).replace("-", "−"))
    const filled = { gate: gates[gate], rows: words.rows, row: unit, columns: words.columns, column }
    const dead = this.dead?.[this.step * this.units + unit] ? ` (${words.dead})` : ""
    return `${words.place.replace(/{(\w+)}/g, (_all, name) => filled[name])}${dead}: ${level ? size : words.zero}`
  }
}

class Histogram {
  constructor(box) {
    this.box = box
    box.className = "l1-histogram"
    box.setAttribute("role", "img")
    box.innerHTML = `<div class="l1-zero"><i></i><div><b></b></div></div><span class="l1-others" style="grid-area: 1 / 3"></span>
      <div class="l1-ticks"></div><canvas></canvas><span class="l1-centre" style="grid-area: 3 / 1"></span>
      <div class="l1-sizes">${["≤ −1", "−0.5", "0", "0.5", "≥ 1"].map((size, i) => `<span style="left: ${25 * i}%">${size}</span>`).join("")}</div>
      <span class="l1-centre" style="grid-area: 4 / 3"></span>`
    this.canvas = box.querySelector("canvas")
    this.context = this.canvas.getContext("2d")
    this.bar = box.querySelector("i")
    this.lift = box.querySelector(".l1-zero div")
    this.number = box.querySelector("b")
  }

  take(spec) {
    this.spec = spec
    this.counts = decoded(spec.counts)
    this.bins = this.counts.length / spec.zeros.length
    this.box.style.setProperty("--height", `${spec.height}px`)
    this.bar.style.background = spec.colours.zero
    const [zero, weight] = this.box.querySelectorAll(".l1-centre")
    zero.textContent = spec.words.zero
    weight.textContent = spec.words.weight
    this.box.querySelector(".l1-others").textContent = spec.words.others
    this.box.querySelector(".l1-ticks").replaceChildren(
      ...spec.ticks.map(([value, text]) => {
        const tick = element("span", "", text)
        tick.style.bottom = `${(100 * value) / spec.top}%`
        return tick
      }),
    )
  }

  dress() {
    this.grid = colours(this.box)("border-color")
    this.fit()
  }

  fit() {
    this.canvas.width = Math.round(this.canvas.clientWidth * devicePixelRatio)
    this.canvas.height = Math.round(this.canvas.clientHeight * devicePixelRatio)
  }

  resize() {
    if (!this.spec || this.step === undefined) return
    this.fit()
    this.show(this.step)
  }

  show(step) {
    this.step = step
    const { context, bins, counts, spec } = this
    const { width, height } = this.canvas
    context.clearRect(0, 0, width, height)
    context.fillStyle = this.grid
    for (const [value] of spec.ticks) context.fillRect(0, Math.min(Math.round(height * (1 - value / spec.top)), height - 1), width, 1)
    context.fillStyle = spec.colours.weight
    for (let i = 0; i < bins; i++) {
      const count = counts[step * bins + i]
      if (!count) continue
      const left = Math.round((i * width) / bins)
      const high = Math.max((count / spec.top) * height, 1) // one weight is seen too
      context.fillRect(left, height - high, Math.round(((i + 1) * width) / bins) - left, high)
    }
    this.bar.style.transform = `scaleY(${spec.zeros[step]})`
    this.lift.style.transform = `translateY(${100 * (1 - spec.zeros[step])}%)`
    this.number.textContent = spec.texts[step]
    this.box.setAttribute("aria-label", `${spec.title}. ${spec.alts[step]}`)
  }
}

class Bars {
  constructor(box) {
    this.box = box
    box.className = "l1-bars"
    box.setAttribute("role", "img")
  }

  take(spec) {
    this.spec = spec
    if (this.rows?.length !== spec.names.length) {
      this.rows = spec.names.map(() => {
        const row = element("div")
        row.innerHTML = `<span></span><span class="l1-track"><i></i></span><span></span>`
        return row
      })
      this.box.replaceChildren(...this.rows)
    }
    spec.names.forEach((name, i) => (this.rows[i].firstChild.textContent = name))
  }

  show(step) {
    const { spec } = this
    this.rows.forEach((row, i) => {
      row.className = i === spec.chosen[step] ? "l1-chosen" : ""
      row.children[1].firstChild.style.transform = `scaleX(${spec.parts[step][i]})`
      row.lastChild.textContent = spec.texts[step][i]
    })
    this.box.setAttribute("aria-label", `${spec.title}. ${spec.alts[step]}`)
  }
}

class Readouts {
  constructor(box) {
    this.list = element("dl", "l1-readouts")
    box.append(this.list)
  }

  take(spec) {
    this.spec = spec
    if (this.list.children.length !== spec.names.length) {
      this.list.replaceChildren(...spec.names.map(() => {
        const pair = element("div")
        pair.append(element("dt"), element("dd"))
        return pair
      }))
    }
    spec.names.forEach((name, i) => (this.list.children[i].firstChild.textContent = name))
  }

  show(step) {
    this.spec.texts[step].forEach((text, i) => (this.list.children[i].lastChild.textContent = text))
  }
}

export const PANELS = { Curves, Maps, Histogram, Bars, Readouts }
