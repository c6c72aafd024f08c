/**
 * The script of the page, as text: numbers under the pointer and under the arrow keys. The page is complete without
 * it. It sets text, never markup, and asks nothing of the network.
 */
export const pageScript = `'use strict'
const numbers = JSON.parse(document.getElementById('numbers').textContent)
const tip = document.getElementById('tip')
const hide = () => { tip.hidden = true }
const show = (text, box) => {
  tip.textContent = text
  tip.hidden = false
  const left = Math.min(box.left + box.width / 2 - tip.offsetWidth / 2, document.documentElement.clientWidth - tip.offsetWidth - 8)
  const above = box.top - tip.offsetHeight - 8
  tip.style.left = Math.max(8, left) + 'px'
  tip.style.top = (above < 8 ? box.bottom + 8 : above) + 'px'
}
const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
const decoded = new Map()
const read = ({ data, max }, index) => {
  if (!decoded.has(data)) {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0))
    decoded.set(data, new DataView(bytes.buffer))
  }
  const level = decoded.get(data).getUint16(2 * index, true)
  return level === 65535 ? 'NaN' : ((level / 65534) * max).toFixed(3)
}
for (const map of document.querySelectorAll('svg.map')) {
  const [figure, a, b] = map.dataset.map.split(' ')
  const [source, index] = figure === 'heads' ? [numbers.heads[a], Number(b)] : [numbers.norms, Number(a)]
  const n = numbers.tokens.length
  const image = map.querySelector('image')
  const cursor = document.createElementNS('http://www.w3.org/2000/svg', 'rect')
  const cell = image.width.baseVal.value / n
  for (const side of ['width', 'height']) cursor.setAttribute(side, cell)
  cursor.setAttribute('class', 'cursor')
  map.append(cursor)
  map.setAttribute('tabindex', '0')
  let at = [0, 0]
  const mark = (key, query) => {
    at = [key, query]
    cursor.setAttribute('x', image.x.baseVal.value + key * cell)
    cursor.setAttribute('y', image.y.baseVal.value + query * cell)
    map.classList.add('marked')
    const value = read(source, (index * n + query) * n + key)
    const place = figure === 'heads' ? 'Layer ' + (Number(a) + 1) + ', head ' + (index + 1) : 'Layer ' + (index + 1) + ', norm'
    const isolate = (token) => '\\u2068' + token + '\\u2069'
    show(place + '\\n' + isolate(numbers.tokens[query]) + ' → ' + isolate(numbers.tokens[key]) + '\\n' + value, cursor.getBoundingClientRect())
  }
  const leave = () => { map.classList.remove('marked'); hide() }
  const point = (event) => {
    const box = image.getBoundingClientRect()
    const key = Math.floor(((event.clientX - box.left) / box.width) * n)
    const query = Math.floor(((event.clientY - box.top) / box.height) * n)
    if (key >= 0 && query >= 0 && key < n && query < n) mark(key, query)
    else leave()
  }
  map.addEventListener('pointermove', point)
  map.addEventListener('pointerdown', point)
  map.addEventListener('pointerleave', leave)
  map.addEventListener('focus', () => { if (map.matches(':focus-visible')) mark(...at) })
  map.addEventListener('blur', leave)
  map.addEventListener('keydown', (event) => {
    const move = moves[event.key]
    if (!move) return
    event.preventDefault()
    mark(...at.map((place, axis) => Math.min(n - 1, Math.max(0, place + move[axis]))))
  })
}
for (const words of document.querySelectorAll('.words')) {
  const tokens = [...words.querySelectorAll('.token')]
  tokens.forEach((token, i) => {
    token.dataset.tip = token.title
    token.removeAttribute('title')
    token.tabIndex = i === 0 ? 0 : -1
    const open = () => show(token.dataset.tip, token.getBoundingClientRect())
    token.addEventListener('pointerenter', open)
    token.addEventListener('pointerleave', hide)
    token.addEventListener('focus', open)
    token.addEventListener('blur', hide)
    token.addEventListener('keydown', (event) => {
      const forward = getComputedStyle(words).direction === 'rtl' ? 'ArrowLeft' : 'ArrowRight'
      const step = event.key === forward ? 1 : event.key === 'ArrowLeft' || event.key === 'ArrowRight' ? -1 : 0
      const next = tokens[i + step]
      if (!step || !next) return
      event.preventDefault()
      token.tabIndex = -1
      next.tabIndex = 0
      next.focus()
    })
  })
}
addEventListener('keydown', (event) => { if (event.key === 'Escape') hide() })
addEventListener('scroll', hide, { passive: true, capture: true })
addEventListener('beforeprint', () => { for (const details of document.querySelectorAll('details')) details.open = true })
`
