/** Who offers what. Owns services, instances and the symbols of instances and methods. Decides nothing about where a call goes. */
import { findText, isMethodName, isName, isServiceName, quoted, Tag, WaybillError, type FrameReader } from '@waybill/core'
import { ROUTER_PRINCIPAL } from './access.js'
import type { Limits } from './limits.js'
import { Instance, type Offer, type Service, type Session } from './model.js'
import { hashOf, isExactVersion } from './routing.js'
import { SymbolKind, SymbolTable } from './symbols.js'

/** Names that begin so belong to the router. */
export const RESERVED_PREFIX = 'waybill.'

/** Those of them that a client may offer. */
const OFFERED: ReadonlySet<string> = new Set(['waybill.Inbox'])

/** What the client needs to read the calls that it will get. */
export interface Offered {
  readonly symbol: number
  /** One for each method, in the order of the offer. */
  readonly methods: readonly number[]
}

export class Registry {
  readonly instances = new SymbolTable<Instance>(SymbolKind.instance)
  readonly methods = new SymbolTable<string>(SymbolKind.method)
  readonly #services = new Map<string, Service>()
  readonly #methodSymbols = new Map<string, { symbol: number; offers: number }>()
  readonly #limits: Limits
  readonly #changed: (change: 'joined' | 'left', instance: Instance) => void

  /** `changed` is told of each instance that came or went, when it has. */
  constructor(limits: Limits, changed: (change: 'joined' | 'left', instance: Instance) => void) {
    this.#limits = limits
    this.#changed = changed
  }

  /** Adds all the offers or, where one is wrong, none. */
  offer(session: Session, offers: readonly Offer[]): readonly Offered[] {
    for (const offer of offers) this.#check(offer, session.principal === ROUTER_PRINCIPAL)
    if (session.instances.size + offers.length > this.#limits.maxServicesPerSession) {
      throw new WaybillError('TooLarge', `a client offers at most ${this.#limits.maxServicesPerSession} services`, {
        executed: 'no',
        details: { limit: this.#limits.maxServicesPerSession, size: session.instances.size + offers.length },
      })
    }
    if (!this.instances.hasRoomFor(offers.length)) throw new WaybillError('Overloaded', 'the router has no room for another instance')
    return offers.map((offer) => this.#add(session, offer))
  }

  /** Takes an instance back: nothing new goes to it. Calls that it has are not touched. */
  withdraw(instance: Instance): void {
    if (!instance.offered) return
    instance.offered = false
    const { service, session } = instance
    service.instances.splice(service.instances.indexOf(instance), 1)
    service.stamp++
    if (service.instances.length === 0) this.#services.delete(service.name)
    session.instances.delete(instance)
    this.instances.release(instance.symbol)
    for (const method of instance.offer.methods) this.#releaseMethod(method)
    this.#changed('left', instance)
  }

  service(name: string): Service | undefined {
    return this.#services.get(name)
  }

  services(): IterableIterator<Service> {
    return this.#services.values()
  }

  methodSymbol(name: string): number {
    return this.#methodSymbols.get(name)?.symbol ?? 0
  }

  /** The name of the method that a call's frame asks for. */
  methodOf(frame: FrameReader): string | undefined {
    return findText(frame, Tag.method) ?? this.methods.get(frame.method)
  }

  #add(session: Session, offer: Offer): Offered {
    let service = this.#services.get(offer.service)
    if (service === undefined) {
      service = { name: offer.service, instances: [], stamp: 0 }
      this.#services.set(offer.service, service)
    }
    const instance = new Instance(session, service, offer, hashOf(`${session.name} ${offer.service} ${offer.version}`))
    instance.symbol = this.instances.mint(() => instance)
    service.instances.push(instance)
    service.stamp++
    session.instances.add(instance)
    const methods = offer.methods.map((method) => this.#holdMethod(method))
    this.#changed('joined', instance)
    return { symbol: instance.symbol, methods }
  }

  #holdMethod(name: string): number {
    const known = this.#methodSymbols.get(name)
    if (known !== undefined) {
      known.offers++
      return known.symbol
    }
    const symbol = this.methods.mint(() => name)
    if (symbol !== 0) this.#methodSymbols.set(name, { symbol, offers: 1 })
    return symbol
  }

  #releaseMethod(name: string): void {
    const known = this.#methodSymbols.get(name)
    if (known === undefined || --known.offers > 0) return
    this.methods.release(known.symbol)
    this.#methodSymbols.delete(name)
  }

  #check(offer: Offer, isRouter: boolean): void {
    const { service, version, labels, concurrency, methods } = offer
    if (!isServiceName(service)) throw new WaybillError('BadAddress', `${quoted(service)} is not a service name`)
    if (service.startsWith(RESERVED_PREFIX) && !OFFERED.has(service) && !isRouter)
      throw new WaybillError('Forbidden', `names that begin with ${RESERVED_PREFIX} belong to the router`)
    if (!isExactVersion(version)) throw new WaybillError('BadAddress', `${quoted(version)} is not a version such as 1.2.0`)
    if (!(concurrency >= 1)) throw new WaybillError('BadArguments', `the concurrency of ${service} is ${concurrency}, less than 1`)
    for (const [label, value] of Object.entries(labels)) {
      if (!isName(label) || !isName(value))
        throw new WaybillError('BadAddress', `${quoted(`${label}=${value}`)} is not a label with a value`)
    }
    for (const method of methods) {
      if (!isMethodName(method)) throw new WaybillError('BadAddress', `${quoted(method)} is not a name for a method of ${service}`)
    }
    if (methods.length > this.#limits.maxMethodsPerService) {
      throw new WaybillError('TooLarge', `${service} has ${methods.length} methods, more than ${this.#limits.maxMethodsPerService}`, {
        executed: 'no',
        details: { limit: this.#limits.maxMethodsPerService, size: methods.length },
      })
    }
  }
}
