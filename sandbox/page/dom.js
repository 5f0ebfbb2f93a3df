/** Elements without markup in strings: text stays text, whatever is in it. */

/**
 * An element. What is no property of it (`aria-label`, `data-request`) becomes an attribute; `on` holds listeners. Children that are null or false are left out.
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue
    if (name === 'on') {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener)
    } else if (name in element) {
      element[name] = value
    } else {
      element.setAttribute(name, value)
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false))
  return element
}

export const byId = (id) => document.getElementById(id)

/** A button that copies a text, and says that it has. */
export function copyButton(text, what) {
  const button = el('button', { type: 'button', className: 'small' }, 'Copy')
  button.setAttribute('aria-label', `Copy ${what}`)
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text)
      button.textContent = 'Copied'
    } catch {
      button.textContent = 'Select it and copy by hand'
    }
    setTimeout(() => (button.textContent = 'Copy'), 2000)
  })
  return button
}

/** A block of text that can be scrolled by keyboard, and is named for who cannot see it. */
export function block(label, ...content) {
  return el('pre', { tabIndex: 0, role: 'region', 'aria-label': label }, ...content)
}

/** One for a text that nobody reads to its end. */
export function longBlock(label, ...content) {
  const it = block(label, ...content)
  it.className = 'long'
  return it
}

/** JSON indented, if it is JSON, without changing a digit of it. */
export function indented(text) {
  let depth = 0
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? []
  try {
    JSON.parse(text)
  } catch {
    return text
  }
  const line = () => '\n' + '  '.repeat(depth)
  return tokens
    .map((token, i) => {
      const next = tokens[i + 1]
      if (token === '{' || token === '[') {
        if (next === '}' || next === ']') return token
        depth += 1
        return token + line()
      }
      if (token === '}' || token === ']') {
        if (tokens[i - 1] === '{' || tokens[i - 1] === '[') return token
        depth -= 1
        return line() + token
      }
      return token === ',' ? token + line() : token === ':' ? ': ' : token
    })
    .join('')
}

export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString('en')} ${count === 1 ? one : many}`
