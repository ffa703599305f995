/** The addresses that callers use, with a symbol each as far as there is room, and instances as addresses. Owns the routes' derived fields. */
import { parseAddress, printAddress, type Address } from '@waybill/core'
import type { Limits } from './limits.js'
import type { Instance, Route, Session } from './model.js'
import type { Registry } from './registry.js'
import { candidatesOf, checkRange } from './routing.js'
import { SymbolKind, SymbolTable } from './symbols.js'

const MOST_RECENT = 1024

export class Routes {
  readonly #symbols: SymbolTable<Route>
  readonly #byText = new Map<string, Route>()
  /** Addresses without a symbol that were used last, the oldest first. */
  readonly #recent = new Map<string, Route>()
  readonly #registry: Registry
  readonly #limits: Limits
  #uses = 0

  constructor(registry: Registry, limits: Limits) {
    this.#registry = registry
    this.#limits = limits
    this.#symbols = new SymbolTable(SymbolKind.address, limits.maxAddresses)
  }

  /** The route of a symbol, its candidates up to date; undefined when the symbol is stale. */
  bySymbol(symbol: number): Route | undefined {
    const route = this.#symbols.get(symbol)
    if (route === undefined) return this.#alone(symbol)
    route.used = ++this.#uses
    return this.refresh(route)
  }

  /** The route of an address that stood inline. It has a symbol if anybody matches it and the client has not used up its share. */
  byText(text: string, session: Session): Route {
    const route = this.find(text)
    if (route.symbol === 0 && route.candidates.length > 0 && session.mintedAddresses < this.#limits.maxAddressesPerSession)
      this.#intern(route, session)
    return route
  }

  /** The route of an address, which gets no symbol by this. Throws `BadAddress`. */
  find(text: string): Route {
    const known = this.#byText.get(text)
    if (known !== undefined) return this.refresh(known)
    const recent = this.#recent.get(text)
    if (recent !== undefined) return this.refresh(recent)
    const address = parseAddress(text)
    checkRange(address)
    return this.refresh(this.#remember(this.#route(text, address)))
  }

  /** Very many calls may wait for somebody who is not there: they share what stands for the address. */
  #remember(route: Route): Route {
    if (this.#recent.size >= MOST_RECENT) this.#recent.delete(this.#recent.keys().next().value!)
    this.#recent.set(route.text, route)
    return route
  }

  addressOf(symbol: number): string | undefined {
    return this.#symbols.get(symbol)?.text
  }

  get size(): number {
    return this.#byText.size
  }

  /** The way to the instance of this symbol and to no other; undefined when it was withdrawn. */
  #alone(symbol: number): Route | undefined {
    const instance = this.#registry.instances.get(symbol)
    return instance && (instance.route ??= this.#only(instance))
  }

  #only(instance: Instance): Route {
    const { session, offer, service } = instance
    const address: Address = { client: session.id, service: offer.service, range: offer.version }
    return { ...this.#route(printAddress(address), address), symbol: instance.symbol, service, only: instance, candidates: [instance] }
  }

  #route(text: string, address: Address): Route {
    const found = { service: undefined, stamp: -1, candidates: [], perCaller: false }
    return { text, plainLane: `*${text}`, address, symbol: 0, ...found, cursor: 0, used: ++this.#uses }
  }

  #intern(route: Route, session: Session): void {
    if (this.#byText.size >= this.#limits.maxAddresses) this.#evict()
    route.symbol = this.#symbols.mint(() => route)
    if (route.symbol === 0) return
    this.#byText.set(route.text, route)
    this.#recent.delete(route.text)
    session.mintedAddresses++
  }

  /** Forgets the half that was unused for longest. Who still has such a symbol is told so, and sends the name again. */
  #evict(): void {
    const byAge = [...this.#byText.values()].toSorted((left, right) => left.used - right.used)
    for (const route of byAge.slice(0, Math.ceil(byAge.length / 2))) {
      this.#symbols.release(route.symbol)
      this.#byText.delete(route.text)
      route.symbol = 0
    }
  }

  /** Brings the candidates up to date. */
  refresh(route: Route): Route {
    if (route.only !== undefined) {
      if (!route.only.offered) route.candidates = []
      return route
    }
    // A service that nobody offers any more may have been forgotten and begun anew.
    const known = route.service
    const service = known !== undefined && known.instances.length > 0 ? known : this.#registry.service(route.address.service)
    if (service === undefined) route.candidates = []
    if (service === undefined || (known === service && route.stamp === service.stamp)) return route
    route.service = service
    route.stamp = service.stamp
    route.candidates = candidatesOf(route.address, service.instances)
    route.perCaller = route.candidates.some(({ offer }) => offer.perCaller)
    return route
  }

  /** The same address for one version only. It has no symbol. */
  narrowed({ address }: Route, version: string): Route {
    const exact = { ...address, range: version }
    return this.refresh(this.#route(printAddress(exact), exact))
  }
}
