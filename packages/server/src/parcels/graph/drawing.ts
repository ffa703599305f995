/** The graph as its principals draw it. Checks what is drawn; where parcels go is not decided here. */
import { isName, quoted, WaybillError } from '@waybill/core'
import type { Principal } from '../../access.js'
import type { Limits } from '../../limits.js'
import type { Edge, Edges } from './edges.js'

export interface DrawingParts {
  readonly edges: Edges
  readonly limits: Limits
  /** Resolves when all that was done so far outlives the router. */
  readonly safe: () => Promise<void>
}

export class Drawing {
  readonly #parts: DrawingParts

  constructor(parts: DrawingParts) {
    this.#parts = parts
  }

  edges(principal: Principal): readonly Edge[] {
    return this.#parts.edges.of(principal)
  }

  /** What the one sends to nobody goes to the other, as soon as this resolves. Neither need be here. */
  async connect(principal: Principal, edge: Edge): Promise<void> {
    const { edges, limits } = this.#parts
    for (const name of [edge.from, edge.to])
      if (!isName(name)) throw new WaybillError('BadAddress', `${quoted(name)} is not the name of a client`)
    if (edge.from === edge.to) throw new WaybillError('BadArguments', `an edge from ${edge.from} to itself leads nowhere`)
    if (edges.size >= limits.maxEdges && !edges.has(principal, edge))
      throw new WaybillError('Overloaded', `the graph has ${edges.size} edges, as many as this router allows`)
    edges.connect(principal, edge)
    await this.#parts.safe()
  }

  async disconnect(principal: Principal, edge: Edge): Promise<void> {
    if (!this.#parts.edges.has(principal, edge))
      throw new WaybillError('NoEdge', `no edge leads from ${quoted(edge.from)} to ${quoted(edge.to)}`)
    this.#parts.edges.disconnect(principal, edge)
    await this.#parts.safe()
  }
}
