/** Markup as tagged templates: everything interpolated is escaped, unless it is markup already. Serves SVG too. */

/** Markup that is safe as it stands. */
export class Html {
  readonly markup: string

  constructor(markup: string) {
    this.markup = markup
  }

  toString(): string {
    return this.markup
  }
}

/** What a template accepts: text and numbers are escaped, lists are joined, null, undefined and false are nothing. */
export type Fragment = Html | string | number | null | undefined | false | readonly Fragment[]

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

// control characters, lone surrogates, noncharacters, and the marks that reorder the text around them
const unprintable = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\u202a-\u202e\u2066-\u2069]/gu

/**
 * `text` with every character that has no glyph, or that would act on its surroundings, replaced by one that shows:
 * control characters by their pictures (`␛` for escape), the rest by U+FFFD. Valid in HTML, in XML and on a terminal.
 */
export function visible(text: string): string {
  return text.replace(unprintable, (character) => {
    const code = character.codePointAt(0)!
    if (code < 0x20) return String.fromCodePoint(0x2400 + code)
    return code === 0x7f ? '\u2421' : '\ufffd'
  })
}

/** `text` for an element's content or a quoted attribute, in HTML and in XML. */
export function escapeHtml(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => entities[character]!)
}

function render(value: Fragment): string {
  if (value === null || value === undefined || value === false) return ''
  if (value instanceof Html) return value.markup
  if (typeof value === 'string' || typeof value === 'number') return escapeHtml(String(value))
  return value.map(render).join('')
}

/** Markup from a template. Attributes that hold an interpolation must be quoted. */
export function html(strings: TemplateStringsArray, ...values: Fragment[]): Html {
  return new Html(strings.reduce((markup, part, i) => markup + render(values[i - 1]) + part))
}

/** Markup that the caller vouches for: never text from a record. */
export function raw(markup: string): Html {
  return new Html(markup)
}
