/** Reads what a Markdown document of the repository claims: tables behind `<!-- check: name -->`, and code fences by their info string. */
import { readFileSync } from 'node:fs'

export const root = new URL('../../', import.meta.url)

export type Row = Readonly<Record<string, string>>

export class Document {
  readonly text: string

  constructor(readonly name: string) {
    this.text = readFileSync(new URL(name, root), 'utf8')
  }

  /** The rows of the table behind the marker, by column title, without backquotes. Throws where there is no such table. */
  table(marker: string): readonly Row[] {
    const lines = this.text.split('\n')
    const at = lines.indexOf(`<!-- check: ${marker} -->`)
    if (at < 0) throw new Error(`${this.name} has no table marked ${marker}`)
    const rows: string[][] = []
    for (const line of lines.slice(at + 1)) {
      if (line.startsWith('|')) rows.push(cells(line))
      else if (rows.length > 0) break
    }
    const [titles = [], , ...content] = rows
    for (const row of content)
      if (row.length !== titles.length) throw new Error(`${this.name}, ${marker}: a row has ${row.length} cells: ${row.join(' | ')}`)
    return content.map((row) => Object.fromEntries(titles.map((title, index) => [title, row[index]!])))
  }

  markers(): readonly string[] {
    return Array.from(this.text.matchAll(/^<!-- check: (.+) -->$/gm), (match) => match[1]!)
  }

  /** Content of each fence, by its info string. */
  fences(): readonly { readonly info: string; readonly content: string }[] {
    return Array.from(this.text.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm), ([, info, content]) => ({
      info: info!.trim(),
      content: content!,
    }))
  }

  fence(info: string): string {
    const found = this.fences().filter((fence) => fence.info === info)
    if (found.length !== 1) throw new Error(`${this.name} has ${found.length} fences \`\`\`${info}`)
    return found[0]!.content
  }

  /** The bytes of a fence `hex <name>`: hexadecimal digits, with what stands behind `;` for people. */
  bytes(name: string): Uint8Array {
    const digits = this.fence(`hex ${name}`).replaceAll(/;.*$/gm, '').replaceAll(/\s/g, '')
    if (!/^([0-9a-f]{2})*$/.test(digits)) throw new Error(`${this.name}: hex ${name} is not hexadecimal`)
    return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
  }
}

function cells(line: string): string[] {
  const parts = line
    .trim()
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
  return parts.map((cell) => cell.trim().replaceAll('\\|', '|').replaceAll('`', ''))
}
