/** `/register`: who takes parcels, and where. */
import { WaybillError } from '@waybill/core'
import { jsonAnswer } from './answers.js'
import { readObject } from './body.js'
import { MAX_OBJECT_BYTES, type Routes } from './routes.js'

export const nameRoutes: Routes = (app, { parcels, who, pace }) => {
  app.post('/register', async ({ req: { raw } }) => {
    const known = await who.of(raw)
    const { name, address, concurrency, ...fields } = await readObject(raw, { mostBytes: MAX_OBJECT_BYTES, pace })
    const registration = await parcels.register(known, {
      name: needed(name, 'name'),
      address: text(address, 'address'),
      concurrency: number(concurrency, 'concurrency'),
      fields,
    })
    const key = parcels.keyOf(registration)
    return jsonAnswer({ status: 'registered', ...shown(registration), ...(key !== undefined && { key }) })
  })

  app.get('/register', async ({ req: { raw } }) => {
    const { principal } = await who.of(raw)
    return jsonAnswer(parcels.registered(principal).map(shown))
  })

  app.delete('/register/:name', async ({ req }) => {
    const { principal } = await who.of(req.raw)
    const name = req.param('name')
    await parcels.unregister(principal, name)
    return jsonAnswer({ status: 'unregistered', name })
  })
}

function shown({ name, address, concurrency, fields }: ReturnType<Parameters<Routes>[1]['parcels']['registered']>[number]): object {
  return { ...fields, name, ...(address !== undefined && { address }), concurrency }
}

function needed(value: unknown, name: string): string {
  const given = text(value, name)
  if (given === undefined) throw new WaybillError('BadArguments', `the body says no ${name}: { "${name}": … }`)
  return given
}

function text(value: unknown, name: string): string | undefined {
  if (value !== undefined && typeof value !== 'string') throw new WaybillError('BadArguments', `${name} is not a string`)
  return value
}

function number(value: unknown, name: string): number | undefined {
  if (value !== undefined && typeof value !== 'number') throw new WaybillError('BadArguments', `${name} is not a number`)
  return value
}
