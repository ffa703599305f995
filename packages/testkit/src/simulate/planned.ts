/** What is planned for each world of a seed, less what is left out of it; and what there is that could be. */
import { gatheringOf, type GatheringPlan } from './gathering/plan.js'
import type { WorldName } from './options.js'
import { scenarioOf, type Scenario } from './scenario.js'
import { itemsOf, kept, without, type Omitted } from './shrink.js'
import { storedOf, type StoredPlan } from './stored-plans.js'
import { streamsOf, type StreamsPlan } from './streams/plan.js'

export const planned = {
  calls: (seed: number, omitted: Omitted | undefined): Scenario => without(scenarioOf(seed), omitted),
  gathering: (seed: number, omitted: Omitted | undefined): GatheringPlan => {
    const plan = gatheringOf(seed)
    return {
      ...plan,
      scenario: without(plan.scenario, omitted),
      publications: kept('publications', plan.publications, omitted),
      groups: kept('groups', plan.groups, omitted),
      drains: kept('drains', plan.drains, omitted),
    }
  },
  streams: (seed: number, omitted: Omitted | undefined): StreamsPlan => {
    const plan = streamsOf(seed)
    return { ...plan, scenario: without(plan.scenario, omitted), streams: kept('streams', plan.streams, omitted) }
  },
  stored: (seed: number, omitted: Omitted | undefined): StoredPlan => {
    const { scenario, durable } = storedOf(seed)
    const readers = kept('readers', durable.readers, omitted)
    const publications = kept('publications', durable.publications, omitted)
    return { scenario: without(scenario, omitted), durable: { ...durable, readers, publications } }
  },
} as const satisfies Record<WorldName, (seed: number, omitted: Omitted | undefined) => unknown>

/** The lists of a world's plan, by name. */
export function listsOf(world: WorldName, seed: number, omitted?: Omitted): Readonly<Record<string, readonly unknown[]>> {
  const ofScenario = ({ calls, asks, faults }: Scenario): Record<string, readonly unknown[]> => ({ calls, asks, faults })
  switch (world) {
    case 'gathering': {
      const { scenario, publications, groups, drains } = planned.gathering(seed, omitted)
      return { ...ofScenario(scenario), publications, groups, drains }
    }
    case 'streams': {
      const { scenario, streams } = planned.streams(seed, omitted)
      return { ...ofScenario(scenario), streams }
    }
    case 'stored': {
      const { scenario, durable } = planned.stored(seed, omitted)
      return { ...ofScenario(scenario), readers: durable.readers, publications: durable.publications }
    }
    case 'calls':
      return ofScenario(planned.calls(seed, omitted))
  }
}

export function omittable(world: WorldName, seed: number): readonly string[] {
  return itemsOf(listsOf(world, seed))
}
