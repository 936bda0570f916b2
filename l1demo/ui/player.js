// A sound with a button. While it plays it says at every frame where it is.

export class Player {
  constructor(button, moved) {
    this.button = button
    this.moved = moved
    this.audio = new Audio()
    this.audio.onplay = () => this.follow()
    this.audio.onpause = () => this.dress()
    this.audio.onended = () => moved(Infinity)
  }

  get playing() {
    return !this.audio.paused
  }

  take(sound) {
    this.button.hidden = !sound
    this.words = sound?.words
    if (sound?.data !== this.data) {
      this.data = sound?.data
      this.audio.pause()
      this.forget()
      if (sound) {
        this.address = URL.createObjectURL(new Blob([Uint8Array.from(atob(sound.data), (c) => c.charCodeAt(0))], { type: "audio/wav" }))
        this.audio.src = this.address
      }
    }
    this.dress()
  }

  play(from) {
    this.audio.currentTime = from
    this.audio.play().catch((error) => { if (error.name !== "AbortError") throw error }) // it was paused at once
  }

  pause() {
    this.audio.pause()
  }

  follow() {
    this.dress()
    const look = () => {
      if (!this.playing) return
      this.moved(this.audio.currentTime)
      requestAnimationFrame(look)
    }
    look()
  }

  dress() {
    if (this.words) this.button.textContent = this.playing ? `❚❚ ${this.words.pause}` : `▶\uFE0E ${this.words.play}`
  }

  forget() {
    if (this.address) URL.revokeObjectURL(this.address)
    this.address = undefined
  }

  release() {
    this.audio.pause()
    this.audio.removeAttribute("src")
    this.forget()
  }
}
