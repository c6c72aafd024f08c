/** Colour scales, and text colours that can be read on them. */

/** Red, green and blue, integers from 0 to 255 (sRGB). */
export type Rgb = readonly [number, number, number]

/** How the attributions of tokens are coloured: the paper's figure, or a scale for every kind of colour vision. */
export type AttributionScale = 'captum' | 'diverging'

/** Stands for NaN on every scale: a grey that none of them contains. */
export const missing: Rgb = [153, 153, 153]

const clip = (a: number, low: number, high: number) => Math.min(high, Math.max(low, a))

/** Hue in degrees, saturation and lightness in per cent, by Captum's rule (`_get_color` of its visualization module). */
function captumHsl(a: number): [number, number, number] {
  const x = clip(a, -1, 1)
  return x > 0 ? [120, 75, 100 - Math.trunc(50 * x)] : [0, 75, 100 - Math.trunc(-40 * x)]
}

/**
 * Captum's background of a token with attribution `a`, as it writes it: `hsl(120, 75%, 50%)` for 1.
 * `a` is clipped to [−1, 1]; NaN is grey.
 */
export function captumColor(a: number): string {
  if (Number.isNaN(a)) return hex(missing)
  const [hue, saturation, lightness] = captumHsl(a)
  return `hsl(${hue}, ${saturation}%, ${lightness}%)`
}

/** In per cent to the end, so that the few lightnesses of the rule give exact halves. */
function hslToRgb(hue: number, saturation: number, lightness: number): Rgb {
  const chroma = (saturation * Math.min(lightness, 100 - lightness)) / 100
  const channel = (n: number) => {
    const k = (n + hue / 30) % 12
    return Math.round((255 * (lightness - chroma * clip(Math.min(k - 3, 9 - k), -1, 1))) / 100)
  }
  return [channel(0), channel(8), channel(4)]
}

const stops = (codes: string): Rgb[] =>
  codes.split(' ').map((code) => {
    const value = Number.parseInt(code, 16)
    return [value >> 16, (value >> 8) & 255, value & 255]
  })

// Brewer's blues of RdBu and oranges of PuOr: apart in hue and in lightness under protanopia, deuteranopia, tritanopia
const positive = stops('f7f7f7 d1e5f0 92c5de 4393c3 2166ac')
const negative = stops('f7f7f7 fee0b6 fdb863 e08214 b35806')

// viridis (van der Walt and Smith 2015), every ninth of the scale
const viridis = stops('440154 482878 3e4a89 31688e 26828e 1f9e89 35b779 6dcd59 b4de2c fde725')

function interpolate(scale: readonly Rgb[], t: number): Rgb {
  const at = clip(t, 0, 1) * (scale.length - 1)
  const index = Math.min(Math.floor(at), scale.length - 2)
  const low = scale[index]!
  const high = scale[index + 1]!
  const mix = (i: 0 | 1 | 2) => Math.round(low[i] + (high[i] - low[i]) * (at - index))
  return [mix(0), mix(1), mix(2)]
}

/** The colour of an attribution `a`, clipped to [−1, 1], on either scale; NaN is grey. */
export function attributionRgb(a: number, scale: AttributionScale): Rgb {
  if (Number.isNaN(a)) return missing
  if (scale === 'captum') return hslToRgb(...captumHsl(a))
  return a < 0 ? interpolate(negative, -a) : interpolate(positive, a)
}

/** Viridis at `t`, clipped to [0, 1]; NaN is grey. */
export function viridisRgb(t: number): Rgb {
  return Number.isNaN(t) ? missing : interpolate(viridis, t)
}

/** `#rrggbb`. */
export function hex(rgb: Rgb): string {
  return `#${rgb.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`
}

/** Relative luminance, from 0 (black) to 1 (white) (WCAG 2). */
function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((channel) => {
    const c = channel / 255
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
}

/** Contrast of two colours, from 1 to 21 (WCAG 2). */
export function contrast(a: Rgb, b: Rgb): number {
  const [x, y] = [luminance(a), luminance(b)]
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05)
}

const black: Rgb = [0, 0, 0]
const white: Rgb = [255, 255, 255]

/** Black or white, whichever reads better on `background`; the contrast is at least 4.58. */
export function legible(background: Rgb): Rgb {
  return contrast(background, black) >= contrast(background, white) ? black : white
}

const cube = [0, 95, 135, 175, 215, 255]

/** The nearest colour of the terminal's 6 × 6 × 6 cube: its index among 256, and what it looks like. */
export function terminalColor(rgb: Rgb): { index: number; rgb: Rgb } {
  const steps = rgb.map((channel) => {
    const distances = cube.map((level) => Math.abs(level - channel))
    return distances.indexOf(Math.min(...distances))
  })
  const [r, g, b] = steps as [number, number, number]
  return { index: 16 + 36 * r + 6 * g + b, rgb: [cube[r]!, cube[g]!, cube[b]!] }
}
