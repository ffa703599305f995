/**
 * Loads plugins and offers them through a client. What fails stops nothing and is told: which file, what is wrong, what to do. Modules run in this process:
 * what one does beside its actions, it does to all.
 */
import { pathToFileURL } from 'node:url'
import type { Client, Exposed } from '@waybill/client'
import { quoted, WaybillError, type Ports } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import { declaredBy, type Declared } from './declared.js'
import { checkSafe, modulesAt } from './places.js'
import { served } from './serve.js'
import { OWN, ownPlugin, type ActiveWork } from './work.js'

export interface LoadedPlugin {
  readonly name: string
  readonly version: string
  readonly actions: readonly string[]
  readonly file: string
}

export interface PluginFailure {
  /** The file, or what was named where no file was found. */
  readonly file: string
  /** What is wrong, and what to do. */
  readonly message: string
}

export interface Plugins extends AsyncDisposable {
  readonly loaded: readonly LoadedPlugin[]
  readonly failed: readonly PluginFailure[]
  /** Takes them back; what runs goes on. The client stays open. */
  close(): Promise<void>
}

/** How long a module may take to load. */
const LOAD_MS = 10_000

/** `from`: folders, files and packages. Rejects only where the client itself cannot offer anything. */
export async function loadPlugins(options: {
  readonly from: readonly string[]
  readonly client: Client
  /** For tests. */
  readonly ports?: Ports
}): Promise<Plugins> {
  const { client, ports = systemPorts } = options
  const active = new Set<ActiveWork>()
  const loaded: LoadedPlugin[] = []
  const failed: PluginFailure[] = []
  const exposed: Exposed[] = []
  const offer = async (plugin: Declared): Promise<Exposed> => {
    const { definition, implementation } = served(plugin, active)
    const one = await client.expose(definition, implementation)
    exposed.push(one)
    return one
  }
  await offer(ownPlugin(active, ports.clock))
  const modules = (await Promise.all(options.from.map((place) => loadedFrom(place, ports)))).flat()
  const names = new Map([[OWN, 'Waybill itself']])
  for (const { file, plugin, error } of modules) {
    try {
      if (plugin === undefined) throw error
      const taken = names.get(plugin.name)
      if (taken !== undefined) throw new Error(`its name '${plugin.name}' is that of ${taken}: give it another one`)
      const { version } = await offer(plugin)
      names.set(plugin.name, file)
      loaded.push({ name: plugin.name, version, actions: [...plugin.actions.keys()], file })
    } catch (thrown) {
      failed.push({ file, message: WaybillError.from(thrown).message })
    }
  }
  const close = async (): Promise<void> => void (await Promise.all(exposed.map((one) => one.withdraw())))
  return { loaded, failed, close, [Symbol.asyncDispose]: close }
}

type Module = { readonly file: string } & (
  | { readonly plugin: Declared; readonly error?: undefined }
  | { readonly plugin?: undefined; readonly error: unknown }
)

/** In the order of their files, whichever is loaded first. */
async function loadedFrom(place: string, ports: Ports): Promise<readonly Module[]> {
  try {
    const files = await modulesAt(place)
    return await Promise.all(
      files.map(async (file): Promise<Module> => {
        try {
          return { file, plugin: await pluginOf(file, ports) }
        } catch (error) {
          return { file, error }
        }
      }),
    )
  } catch (error) {
    return [{ file: place, error }]
  }
}

async function pluginOf(file: string, { clock }: Ports): Promise<Declared> {
  await checkSafe(file)
  const importing = import(pathToFileURL(file).href) as Promise<object>
  const module = await new Promise<object>((resolve, reject) => {
    const timer = clock.timer(LOAD_MS, () =>
      reject(new Error(`it has not loaded within ${LOAD_MS} ms: what it awaits at its top level does not come`)),
    )
    importing
      .finally(() => timer.cancel())
      .then(resolve, (thrown: unknown) =>
        // What a module throws is text of somebody else.
        reject(new Error(`it does not load: ${quoted(String(thrown))}; \`node\` with this file says where`, { cause: thrown })),
      )
  })
  return declaredBy(module)
}
