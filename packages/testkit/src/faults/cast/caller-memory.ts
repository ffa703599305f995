/** What a caller finds of its former start: the calls whose end it was promised to learn. Reads a log, knows no client. */
import { join } from 'node:path'
import { linesOf } from '../log-file.js'

/** Serial numbers that were acknowledged and whose end was not written down. */
export async function owedTo(folder: string, former: string | undefined): Promise<ReadonlySet<string>> {
  const owed = new Set<string>()
  if (former === undefined) return owed
  for await (const line of linesOf(join(folder, `${former}.log`))) {
    switch (line.e) {
      case 'stored':
      case 'inherited':
        owed.add(line.sn)
        break
      case 'ok':
      case 'failed':
      case 'indeterminate':
      case 'gone':
        owed.delete(line.sn)
        break
      default:
    }
  }
  return owed
}
