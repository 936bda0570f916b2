// Records words one after another: three beats, the word, the next. Time is counted in the microphone's own samples, so a slow
// page doesn't cut words. What was said goes to Python as a WAV file, one after another, each until it is answered.

const { search } = new URL(import.meta.url) // the version, which all our files share
const { kept } = await import(new URL(`live.js${search}`, import.meta.url))

const BEATS = 3
const BEAT = 0.6 // seconds
const EARLY = 0.2 // seconds before the last beat ends that are recorded too: some are always faster
const SPEAKING = 2.0
const AGAIN = 15_000 // ms without an answer after which a recording is sent once more
const FLOOR = -60 // dB, the meter's left end; below QUIET and above LOUD it says so
const QUIET = -35
const LOUD = -1
const TAKEN = "input, textarea, select, button, a, summary, audio, [role=button], [role=combobox], [role=option], [role=dialog]"
const ITEM = "<button type=button><span></span><small></small></button>"
const AS_IT_IS = { noiseSuppression: false, echoCancellation: false } // in a minute they learn to take words for noise
const PARTS = `
<style>
.l1-recorder { display: flex; flex-direction: column; gap: 0.75rem; max-width: 44rem; }
.l1-recorder [hidden] { display: none !important; }
.l1-card { display: flex; flex-direction: column; justify-content: center; min-height: 8.75rem; padding: 0.75rem 1.25rem;
  text-align: center; border: 2px solid var(--st-border-color); border-radius: var(--st-base-radius); }
.l1-card[data-phase=speak] { border-color: var(--st-primary-color); }
.l1-word { font-size: clamp(2rem, 9vw, 3.5rem); font-weight: 700; line-height: 1.2; overflow-wrap: anywhere; }
.l1-beat { min-height: 2rem; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.l1-level { display: flex; gap: 0.75rem; align-items: center; font-size: 0.875rem; }
.l1-level > div { flex: 1; height: 0.75rem; overflow: hidden; border-radius: 1rem; background: var(--st-secondary-background-color);
  border: 1px solid var(--st-border-color); }
.l1-level i { display: block; height: 100%; background: var(--st-primary-color); transform: scaleX(0); transform-origin: left; }
.l1-level output { min-width: 6rem; text-align: right; }
.l1-answer { margin: 0; min-height: 1.5em; overflow-wrap: anywhere; }
.l1-answer[data-kept=false] { font-weight: 600; }
.l1-buttons { display: grid; grid-template-columns: 2fr 1fr 1fr; gap: 0.5rem; }
.l1-recorder button { min-height: 3rem; padding: 0.25rem 0.75rem; cursor: pointer; font: inherit; color: var(--st-text-color);
  background: none; border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius); }
.l1-recorder button:hover:enabled { border-color: var(--st-primary-color); }
.l1-recorder button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
.l1-recorder button:disabled { cursor: default; opacity: 0.5; }
.l1-recorder .l1-start { font-weight: 600; color: #fff; background: var(--st-primary-color); }
.l1-words { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 0.5rem; padding: 0; margin: 0;
  list-style: none; }
.l1-words button { width: 100%; text-align: left; overflow-wrap: anywhere; background:
  linear-gradient(90deg, var(--st-secondary-background-color) var(--part), transparent var(--part)); }
.l1-words button[aria-current=true] { border: 2px solid var(--st-primary-color); }
.l1-words small { display: block; opacity: 0.8; font-variant-numeric: tabular-nums; }
.l1-how { margin: 0; font-size: 0.875rem; opacity: 0.8; }
@media (max-width: 480px) {
  .l1-buttons { grid-template-columns: 1fr 1fr; }
  .l1-recorder .l1-start { grid-column: 1 / -1; min-height: 4rem; }
}
</style>
<div class="l1-recorder">
<div class="l1-card"><div class="l1-word" aria-live="assertive"></div><div class="l1-beat"></div></div>
<div class="l1-level"><div role="meter" aria-valuemin="0" aria-valuemax="100" aria-valuenow="0"><i></i></div><output></output></div>
<div class="l1-buttons">
<button type="button" class="l1-start"></button>
<button type="button" class="l1-skip"></button>
<button type="button" class="l1-redo"></button>
</div>
<p class="l1-answer" role="status"></p>
<ol class="l1-words"></ol>
<p class="l1-how"></p>
</div>`

class Recorder {
  phase = "idle" // then "opening", and in turn "count" and "speak"
  outbox = [] // what Python has not answered yet
  wanted = [] // words to say before all others
  passed = new Map() // how often a word was skipped
  goal = 0

  constructor(parent) {
    parent.append(Object.assign(document.createElement("div"), { innerHTML: PARTS }))
    this.root = parent.querySelector(".l1-recorder")
    const part = (name) => this.root.querySelector(`.l1-${name}`)
    this.card = part("card")
    this.say = part("word")
    this.beat = part("beat")
    this.meter = part("level").firstElementChild
    this.level = part("level").lastElementChild
    this.answer = part("answer")
    this.list = part("words")
    this.how = part("how")
    this.start = part("start")
    this.skip = part("skip")
    this.redo = part("redo")
    this.start.onclick = () => (this.phase === "idle" ? this.open() : this.pause())
    this.skip.onclick = () => this.pass()
    this.redo.onclick = () => this.undo()
    this.onKey = (event) => this.key(event)
    this.onHidden = () => { if (document.hidden) this.pause() }
    document.addEventListener("keydown", this.onKey)
    document.addEventListener("visibilitychange", this.onHidden)
  }

  update(data, tell) {
    const first = !this.data
    this.data = data
    this.tell = tell
    if (first) this.how.textContent = data.texts.how
    if (data.answer && data.answer.id === this.outbox[0]?.id) this.take(data.answer)
    if (data.next && data.next.id !== this.asked) {
      this.asked = data.next.id
      if (!first) this.want(data.next.word) // who comes back to the page later is not to be recorded at once
    }
    if (!data.words.some(({ word }) => word === this.word)) this.word = undefined
    this.dress()
  }

  // What to say next: what was asked for, else the first of the words that have the fewest clips; nothing where all have enough.
  choose() {
    if (this.wanted.length) return this.wanted.shift()
    const waiting = (word) => this.outbox.filter((each) => each.word === word).length
    const have = this.data.words.map(({ word, kept }) => ({ word, clips: kept + waiting(word) }))
    const open = have.filter(({ clips }) => clips < this.goal)
    const turn = ({ word, clips }) => clips + (this.passed.get(word) ?? 0)
    const least = Math.min(...open.map(turn))
    const choice = open.filter((each) => turn(each) === least)
    return choice[this.data.shuffled ? Math.floor(Math.random() * choice.length) : 0]?.word
  }

  async open() {
    const { texts } = this.data
    if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) return this.refuse(texts.insecure)
    this.phase = "opening"
    this.dress()
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: AS_IT_IS })
      const context = (this.context = new AudioContext())
      await context.audioWorklet.addModule(new URL(`microphone.js${search}`, import.meta.url))
      await context.resume()
    } catch (error) {
      this.close()
      const known = { NotAllowedError: texts.denied, NotFoundError: texts.missing, NotReadableError: texts.busy }
      return this.refuse(known[error.name] ?? texts.failed.replace("{reason}", error.message))
    }
    if (this.phase !== "opening") return this.close() // it was paused, or left, while the browser asked
    const options = { numberOfOutputs: 1, channelCount: 1, channelCountMode: "explicit" }
    this.node = new AudioWorkletNode(this.context, "l1-microphone", options)
    this.node.port.onmessage = ({ data }) => this.hear(data)
    this.context.createMediaStreamSource(this.stream).connect(this.node)
    this.node.connect(this.context.destination) // it is silent, but what leads nowhere isn't run
    this.stream.getTracks()[0].onended = () => {
      this.pause()
      this.refuse(texts.lost)
    }
    this.passed.clear()
    this.goal = Math.max(this.data.target, Math.min(...this.data.words.map(({ kept }) => kept)) + 1)
    this.turn()
  }

  turn(heard = 0) {
    this.word = this.choose()
    if (!this.word) {
      this.pause()
      this.show(this.data.texts.enough.replace("{n}", this.goal), true)
      return
    }
    this.phase = "count"
    this.heard = heard
    this.blocks = []
    this.dress()
  }

  hear(block) {
    if (this.phase !== "count" && this.phase !== "speak") return
    const rate = this.context.sampleRate
    const counting = BEATS * BEAT * rate
    this.gauge(block)
    if (this.heard + block.length > counting - EARLY * rate) this.blocks.push(block)
    this.heard += block.length
    if (this.heard < counting) {
      const left = Math.ceil((counting - this.heard) / (BEAT * rate))
      if (this.beat.textContent !== String(left)) this.beat.textContent = left
    } else if (this.phase === "count") {
      this.phase = "speak"
      this.dress()
    } else if (this.heard >= counting + SPEAKING * rate) {
      this.post({ word: this.word, sound: base64(wav(this.blocks, rate)) })
      this.turn(this.heard - counting - SPEAKING * rate) // so that the beat stays a beat
    }
  }

  gauge(block) {
    const db = 10 * Math.log10(block.reduce((sum, x) => sum + x * x, 0) / block.length + 1e-12)
    const part = Math.max(0, Math.min(1, 1 - db / FLOOR))
    this.meter.firstElementChild.style.transform = `scaleX(${part})`
    this.meter.setAttribute("aria-valuenow", Math.round(100 * part))
    const { quiet, good, loud } = this.data.texts.levels
    const peak = block.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
    const words = 20 * Math.log10(peak + 1e-6) > LOUD ? loud : db < QUIET ? quiet : good
    if (this.level.textContent !== words) this.level.textContent = words
  }

  post(letter) {
    this.outbox.push({ id: crypto.randomUUID(), ...letter })
    if (this.outbox.length === 1) this.send()
  }

  send() {
    clearTimeout(this.waits)
    if (!this.outbox.length) return
    this.tell("told", this.outbox[0])
    this.waits = setTimeout(() => this.send(), AGAIN)
  }

  take(answer) {
    const { word, undo } = this.outbox.shift()
    clearTimeout(this.waits)
    this.show(answer.sentence, answer.kept)
    if (undo) this.last = undefined
    else if (answer.clip) this.last = { clip: answer.clip, word }
    else if (!answer.ends) this.wanted.push(word) // to be said again
    if (answer.ends) {
      this.outbox = []
      this.pause()
    }
    this.send()
  }

  undo() {
    const { clip, word } = this.last
    this.post({ undo: clip })
    this.last = undefined
    this.want(word)
  }

  want(word) {
    this.wanted.unshift(word)
    if (this.phase === "idle") this.open()
    else if (this.phase !== "opening") this.turn()
  }

  pass() {
    this.passed.set(this.word, (this.passed.get(this.word) ?? 0) + 1)
    this.turn()
  }

  pause() {
    this.close()
    this.phase = "idle"
    this.word = undefined
    if (this.data) this.dress()
  }

  close() { // so that the browser, too, shows that nothing is recorded
    this.stream?.getTracks().forEach((track) => {
      track.onended = null
      track.stop()
    })
    this.context?.close()
    this.stream = this.context = undefined
  }

  refuse(sentence) {
    this.phase = "idle"
    this.dress()
    this.show(sentence, false)
  }

  show(sentence, good) {
    this.answer.dataset.kept = good
    this.answer.textContent = `${good ? "✓" : "✗"} ${sentence}`
  }

  key(event) {
    if (event.code !== "Space" || event.repeat || event.target.closest(TAKEN)) return // those have a use for it themselves
    event.preventDefault() // the page is not to scroll
    this.start.click()
  }

  dress() {
    const { texts, words, target } = this.data
    const idle = this.phase === "idle"
    this.card.dataset.phase = this.phase
    this.say.textContent = this.word ?? ""
    this.say.hidden = !this.word
    if (this.phase === "speak") this.beat.textContent = texts.speak
    else if (this.phase !== "count") this.beat.textContent = idle ? texts.ready : texts.opening
    this.start.disabled = this.phase === "opening"
    this.start.textContent = idle ? `● ${texts.start}` : `❚❚ ${texts.pause}`
    this.skip.textContent = texts.skip
    this.redo.textContent = texts.redo
    this.skip.disabled = idle || this.phase === "opening"
    this.redo.disabled = !this.last || this.outbox.length > 0
    this.meter.setAttribute("aria-label", texts.meter)
    if (idle) {
      this.meter.firstElementChild.style.transform = ""
      this.level.textContent = ""
    }
    words.forEach(({ word, kept }, i) => {
      const item = this.list.children[i] ?? this.list.appendChild(Object.assign(document.createElement("li"), { innerHTML: ITEM }))
      const button = item.firstChild
      button.firstChild.textContent = word
      button.lastChild.textContent = texts.count.replace("{n}", kept).replace("{of}", target)
      button.style.setProperty("--part", `${Math.min(100, (100 * kept) / target)}%`)
      button.setAttribute("aria-current", word === this.word)
      button.title = texts.now
      button.onclick = () => this.want(word)
    })
    while (this.list.children.length > words.length) this.list.lastChild.remove()
  }

  release() {
    this.phase = "released"
    clearTimeout(this.waits)
    document.removeEventListener("keydown", this.onKey)
    document.removeEventListener("visibilitychange", this.onHidden)
    this.close()
  }
}

// A WAV file, mono, 16 bits (RIFF, WAVE_FORMAT_PCM).
function wav(blocks, rate) {
  const samples = blocks.flatMap((block) => [...block])
  const file = new DataView(new ArrayBuffer(44 + 2 * samples.length))
  const text = (at, letters) => [...letters].forEach((letter, i) => file.setUint8(at + i, letter.charCodeAt(0)))
  text(0, "RIFF")
  file.setUint32(4, 36 + 2 * samples.length, true)
  text(8, "WAVEfmt ")
  file.setUint32(16, 16, true)
  file.setUint16(20, 1, true)
  file.setUint16(22, 1, true)
  file.setUint32(24, rate, true)
  file.setUint32(28, 2 * rate, true)
  file.setUint16(32, 2, true)
  file.setUint16(34, 16, true)
  text(36, "data")
  file.setUint32(40, 2 * samples.length, true)
  samples.forEach((x, i) => file.setInt16(44 + 2 * i, Math.round(32767 * Math.max(-1, Math.min(1, x))), true))
  return new Uint8Array(file.buffer)
}

function base64(bytes) {
  let text = ""
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return btoa(text)
}

export const { draw, release } = kept(Recorder)
