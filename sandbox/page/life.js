/** A token's life ticking down. */

import { el } from './dom.js'

let ticking

/** The time that is left until `expireAt`, of a life that began at `issuedAt`; both in ms. Only the last one made ticks. */
export function life(issuedAt, expireAt) {
  const clock = el('strong', { role: 'timer', className: 'clock' })
  const bar = el('progress', { max: expireAt - issuedAt, 'aria-label': 'What is left of the token\'s life' })
  const note = el('span', { className: 'hint' })
  const tick = () => {
    const left = Math.max(0, expireAt - Date.now())
    clock.textContent = left > 0 ? minutes(left) : 'expired'
    bar.value = left
    const until = new Date(expireAt).toLocaleTimeString('en-GB')
    note.textContent = left > 0 ? `until ${until}, by this machine's clock` : `since ${until}. The SDK renews it, as long as its session lasts.`
    if (left === 0) stop()
  }
  stop()
  ticking = setInterval(tick, 250)
  tick()
  return el('div', { className: 'life' }, el('p', {}, clock, ' ', note), bar)
}

function stop() {
  clearInterval(ticking)
}

function minutes(milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000)
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const two = (number) => String(number).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}
