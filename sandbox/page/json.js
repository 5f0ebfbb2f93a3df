/**
 * JSON as the token service reads it: repeated members are found, digits stay digits, and a fault has a line and a column.
 * JSON.parse would keep the last of two members and round an account number.
 */

const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const LITERAL = /true|false|null/y
const SPACE = /[ \t\n\r]*/y

/** What is wrong, and where. `field` is the outermost member that it lies in. */
export class JsonFault extends Error {
  constructor(reason, field) {
    super(field ? `${field} ${reason}` : `The text ${reason}`)
    this.reason = reason
    this.field = field
  }
}

/**
 * One JSON object as {kind: 'object', members: Map}. Other kinds are string (value), number (text), literal (value) and
 * array (items).
 *
 * @throws {JsonFault}
 */
export function readObject(text, limit = 8) {
  const reader = new Reader(text, limit)
  const value = reader.value(1, undefined)
  reader.end()
  if (value.kind !== 'object') throw new JsonFault('is not an object: it must begin with {')
  return value
}

/** The text of what was read, its digits and the order of its members as they were. */
export function write(node) {
  if (node.kind === 'number') return node.text
  if (node.kind === 'array') return `[${node.items.map(write).join(',')}]`
  if (node.kind !== 'object') return JSON.stringify(node.value)
  return `{${[...node.members].map(([name, value]) => `${JSON.stringify(name)}:${write(value)}`).join(',')}}`
}

class Reader {
  constructor(text, limit) {
    Object.assign(this, { text, limit, at: 0 })
  }

  value(depth, field) {
    this.take(SPACE)
    const begin = this.text[this.at]
    if ((begin === '{' || begin === '[') && depth > this.limit) {
      throw new JsonFault(`is nested deeper than ${this.limit}`, field)
    }
    if (begin === '{') return this.object(depth, field)
    if (begin === '[') return this.array(depth, field)
    if (begin === '"') return { kind: 'string', value: this.string(field) }
    const number = this.take(NUMBER)
    if (number) return { kind: 'number', text: number }
    const literal = this.take(LITERAL)
    if (literal) return { kind: 'literal', value: JSON.parse(literal) }
    throw this.unexpected('a value was expected')
  }

  object(depth, field) {
    const members = new Map()
    this.at += 1
    if (this.skip('}')) return { kind: 'object', members }
    do {
      this.take(SPACE)
      if (this.text[this.at] !== '"') throw this.unexpected('a member\'s name in "double quotes" was expected')
      const name = this.string(field)
      if (!this.skip(':')) throw this.unexpected('a colon was expected')
      if (members.has(name)) throw new JsonFault(`has the member ${JSON.stringify(name)} twice`, field ?? name)
      members.set(name, this.value(depth + 1, field ?? name))
    } while (this.skip(','))
    if (!this.skip('}')) throw this.unexpected('a comma or } was expected')
    return { kind: 'object', members }
  }

  array(depth, field) {
    const items = []
    this.at += 1
    if (this.skip(']')) return { kind: 'array', items }
    do items.push(this.value(depth + 1, field))
    while (this.skip(','))
    if (!this.skip(']')) throw this.unexpected('a comma or ] was expected')
    return { kind: 'array', items }
  }

  string(field) {
    const quoted = this.take(STRING)
    if (!quoted) throw this.unexpected('the string does not end, or has a line break or a wrong escape in it')
    const value = JSON.parse(quoted)
    if (!value.isWellFormed()) throw new JsonFault('has half of a surrogate pair', field)
    return value
  }

  end() {
    this.take(SPACE)
    if (this.at < this.text.length) throw this.unexpected('nothing more was expected')
  }

  skip(character) {
    this.take(SPACE)
    if (this.text[this.at] !== character) return false
    this.at += 1
    return true
  }

  take(pattern) {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)?.[0] ?? ''
    this.at += found.length
    return found
  }

  unexpected(expected) {
    const before = this.text.slice(0, this.at).split('\n')
    const place = `line ${before.length}, column ${before.at(-1).length + 1}`
    const end = this.at >= this.text.length ? ', where it ends' : ''
    return new JsonFault(`is not JSON: at ${place}${end}, ${expected}`)
  }
}
