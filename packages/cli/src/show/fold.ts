/** Owns how a line that is too long goes on below. Pure. */

/** Lines of at most `width` characters, broken at spaces; those after the first begin with `indent` spaces. A longer word stays whole. */
export function fold(text: string, width: number, indent = 0): string[] {
  const lines: string[] = []
  let rest = text
  while (rest.length > width) {
    const words = rest.search(/\S/)
    const at = rest.lastIndexOf(' ', width)
    if (at <= words) break
    lines.push(rest.slice(0, at).trimEnd())
    rest = ' '.repeat(indent) + rest.slice(at + 1).trimStart()
  }
  return [...lines, rest]
}
