/** Edges as text that other programs draw. Names are of a closed set of characters, so nothing in them means anything there; pure. */
import type { Edge } from './edges.js'

/** For Graphviz. */
export function dotOf(edges: readonly Edge[]): string {
  return `digraph waybill {\n${edges.map(({ from, to }) => `  "${from}" -> "${to}"\n`).join('')}}\n`
}

/** For Mermaid, where a name that is a word of its own has to be a label. */
export function mermaidOf(edges: readonly Edge[]): string {
  const numbers = new Map<string, number>()
  const node = (name: string): string => {
    const known = numbers.get(name)
    if (known !== undefined) return `n${known}`
    numbers.set(name, numbers.size)
    return `n${numbers.size - 1}["${name}"]`
  }
  return `graph LR\n${edges.map(({ from, to }) => `  ${node(from)} --> ${node(to)}\n`).join('')}`
}
