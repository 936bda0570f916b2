// Hands on what the microphone hears, in blocks of about 20 ms. It runs beside the page, so a busy page loses nothing.

class Microphone extends AudioWorkletProcessor {
  block = new Float32Array(1024)
  filled = 0

  process([[heard]]) {
    if (!heard) return true // not connected yet
    if (this.filled + heard.length > this.block.length) {
      this.port.postMessage(this.block.slice(0, this.filled))
      this.filled = 0
    }
    this.block.set(heard, this.filled)
    this.filled += heard.length
    return true
  }
}

registerProcessor("l1-microphone", Microphone)
