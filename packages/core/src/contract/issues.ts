/** Owns how a schema's complaints travel: plain, bounded, and never the value complained of. Must not know contracts. */
import type { StandardSchemaV1 } from '@standard-schema/spec'

export interface Issue {
  /** From the argument list (or the result) down; the first element is the argument's index. */
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** A hostile argument may cause as many as it has elements. */
const maxIssues = 32

export function issuesOf(issues: readonly StandardSchemaV1.Issue[], argument?: number): readonly Issue[] {
  return issues.slice(0, maxIssues).map(({ path = [], message }) => ({
    path: [...(argument === undefined ? [] : [argument]), ...path.map(stepOf)],
    message,
  }))
}

function stepOf(step: PropertyKey | StandardSchemaV1.PathSegment): string | number {
  const key = typeof step === 'object' ? step.key : step
  return typeof key === 'symbol' ? String(key) : key
}
