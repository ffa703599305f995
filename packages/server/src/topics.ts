/**
 * Who subscribes to what: a trie over the names of patterns, so that an event finds its subscribers without looking at anybody else's. Pure: owns
 * its nodes, knows subscribers only as something to hold. Bounded by whoever adds; a pattern that is taken back leaves nothing.
 */
import { nameEnd } from '@waybill/core'

/** A place in a pattern: where its names so far have led. */
class Node<S> {
  /** Below it, by name; `*` and `**` are names like any other, as no topic has them. */
  readonly next = new Map<string, Node<S>>()
  /** Those whose pattern ends here, each with how many times. */
  readonly subscribers = new Map<S, number>()
}

const ONE = '*'
const REST = '**'

export class Topics<S> {
  readonly #root = new Node<S>()

  /** Patterns must be well formed. Adding twice needs removing twice. */
  add(pattern: string, subscriber: S): void {
    let node = this.#root
    for (let at = 0; at <= pattern.length;) {
      const end = nameEnd(pattern, at)
      const name = pattern.slice(at, end)
      let next = node.next.get(name)
      if (next === undefined) node.next.set(name, (next = new Node()))
      node = next
      at = end + 1
    }
    node.subscribers.set(subscriber, (node.subscribers.get(subscriber) ?? 0) + 1)
  }

  remove(pattern: string, subscriber: S): void {
    this.#remove(this.#root, pattern, 0, subscriber)
  }

  /** Calls `found` for each pattern that covers the topic and each of its subscribers: once for each such pattern of the same one. */
  match(topic: string, found: (subscriber: S) => void): void {
    this.#match(this.#root, topic, 0, found)
  }

  /** Nodes below the root. */
  get size(): number {
    return sizeOf(this.#root) - 1
  }

  /** Goes no deeper than a topic has names, and to no node that no pattern has made. */
  #match(node: Node<S>, topic: string, at: number, found: (subscriber: S) => void): void {
    if (at > topic.length) return tell(node, found)
    const { next } = node
    if (next.size === 0) return
    const rest = next.get(REST)
    if (rest !== undefined) tell(rest, found)
    const end = nameEnd(topic, at)
    const any = next.get(ONE)
    if (any !== undefined) this.#match(any, topic, end + 1, found)
    const same = next.get(topic.slice(at, end))
    if (same !== undefined) this.#match(same, topic, end + 1, found)
  }

  /** True where the node holds nothing any more. */
  #remove(node: Node<S>, pattern: string, at: number, subscriber: S): boolean {
    if (at > pattern.length) {
      const times = node.subscribers.get(subscriber)
      if (times === undefined || times === 1) node.subscribers.delete(subscriber)
      else node.subscribers.set(subscriber, times - 1)
    } else {
      const end = nameEnd(pattern, at)
      const name = pattern.slice(at, end)
      const next = node.next.get(name)
      if (next !== undefined && this.#remove(next, pattern, end + 1, subscriber)) node.next.delete(name)
    }
    return node.next.size === 0 && node.subscribers.size === 0
  }
}

function tell<S>({ subscribers }: Node<S>, found: (subscriber: S) => void): void {
  for (const subscriber of subscribers.keys()) found(subscriber)
}

function sizeOf<S>(node: Node<S>): number {
  let size = 1
  for (const next of node.next.values()) size += sizeOf(next)
  return size
}
