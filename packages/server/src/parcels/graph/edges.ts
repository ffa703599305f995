/**
 * Where parcels that are for nobody go: a directed graph over names for each principal, as a fold of records. Tells nobody, and decides nothing.
 */
import { DirectedGraph } from 'graphology'
import { WaybillError } from '@waybill/core'
import type { Principal } from '../../access.js'
import { readHead } from '../../records.js'
import { HeadsOnly, readMarked, writeMarked } from '../../sections.js'

/** From the sender of a parcel to who gets it. */
export interface Edge {
  readonly from: string
  readonly to: string
}

/** Stored in files, so a number keeps its meaning. Each is `principal, from, to`. */
const RecordKind = { connected: 48, disconnected: 49 } as const

const MARK = 3

export class Edges extends HeadsOnly {
  readonly kinds = [RecordKind.connected, 55] as const
  readonly mark = MARK
  readonly #graphs = new Map<Principal, DirectedGraph>()
  #size = 0

  /** Of all principals. */
  get size(): number {
    return this.#size
  }

  has(principal: Principal, { from, to }: Edge): boolean {
    return this.#graphs.get(principal)?.hasEdge(from, to) === true
  }

  /** In the order of names. */
  of(principal: Principal): readonly Edge[] {
    const edges = this.#graphs.get(principal)?.mapEdges((_edge, _attributes, from, to) => ({ from, to })) ?? []
    return edges.toSorted((one, other) => compare(one.from, other.from) || compare(one.to, other.to))
  }

  /** To whom the name's parcels go, in the order of names. */
  from(principal: Principal, name: string): readonly string[] {
    const graph = this.#graphs.get(principal)
    return graph?.hasNode(name) === true ? graph.outNeighbors(name).toSorted(compare) : []
  }

  connect(principal: Principal, edge: Edge): void {
    if (this.has(principal, edge)) return
    this.append(RecordKind.connected, [principal, edge.from, edge.to])
    this.#put(principal, edge)
  }

  disconnect(principal: Principal, edge: Edge): void {
    if (!this.has(principal, edge)) return
    this.append(RecordKind.disconnected, [principal, edge.from, edge.to])
    this.#drop(principal, edge)
  }

  #put(principal: Principal, { from, to }: Edge): void {
    let graph = this.#graphs.get(principal)
    if (graph === undefined) this.#graphs.set(principal, (graph = new DirectedGraph()))
    if (graph.hasEdge(from, to)) return
    graph.mergeEdge(from, to)
    this.#size++
  }

  /** A name without edges is nobody in the graph. */
  #drop(principal: Principal, { from, to }: Edge): void {
    const graph = this.#graphs.get(principal)
    if (graph === undefined || !graph.hasEdge(from, to)) return
    graph.dropEdge(from, to)
    this.#size--
    for (const name of new Set([from, to])) if (graph.degree(name) === 0) graph.dropNode(name)
    if (graph.order === 0) this.#graphs.delete(principal)
  }

  // ---- the same, read back

  restore(entry: Uint8Array): void {
    this.#read(RecordKind.connected, readMarked(entry).head)
  }

  record(kind: number, record: Uint8Array): void {
    this.#read(kind, readHead(record))
  }

  #read(kind: number, head: readonly unknown[]): void {
    const [principal, from, to] = head as readonly [Principal, string, string]
    switch (kind) {
      case RecordKind.connected:
        return this.#put(principal, { from, to })
      case RecordKind.disconnected:
        return this.#drop(principal, { from, to })
      default:
        throw new WaybillError('Damaged', `the store has a record of kind ${kind}, which this router does not know`)
    }
  }

  *entries(): Iterable<Uint8Array> {
    for (const principal of this.#graphs.keys())
      for (const { from, to } of this.of(principal)) yield writeMarked(MARK, [principal, from, to])
  }
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
