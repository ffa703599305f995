/** OpenAPI 3.1 of what is offered. Pure: the same offers give the same document, letter by letter. */
import { codes } from '@waybill/core'
import type { Described, Json, OfferedService, OfferedVersion } from './offered.js'
import { schemaOf } from './schema.js'

const JSON_TYPE = 'application/json'

export function openApi(routerName: string, services: readonly OfferedService[]): Json {
  const paths = services.flatMap(({ service, versions }) =>
    versions.flatMap((offered, at) => offered.methods.map((method) => pathOf(service, versions, offered, method, at === 0))),
  )
  return {
    openapi: '3.1.1',
    info: {
      title: `Services at the Waybill router ${routerName}`,
      version: '1',
      description:
        'Arguments are a JSON list; a JSON object holds named arguments, which the method gets as its last one. An address may also name a version range, a client and labels: Dog@^1, kennel/Dog, Dog%3Fregion=eu.',
    },
    servers: [{ url: '/' }],
    security: [{}, { token: [] }],
    tags: services.map(({ service }) => ({ name: service })),
    paths: Object.fromEntries(paths),
    components: {
      parameters,
      responses: {
        Received: {
          description: 'It is stored, and goes on; the receipt tells what becomes of it.',
          headers: { Location: { description: 'Of the receipt.', schema: { type: 'string' } } },
          content: { [JSON_TYPE]: { schema: { $ref: '#/components/schemas/Received' } } },
        },
        Refused: failure('The call cannot be made like this', 400),
        Failed: failure('The call failed, or nobody knows its outcome', 500),
      },
      schemas: {
        Received: {
          type: 'object',
          properties: { status: { const: 'received' }, receipt_id: { type: 'string', format: 'uuid' } },
          required: ['status', 'receipt_id'],
        },
        Failure: {
          type: 'object',
          description:
            'executed says whether the method ran, retryable whether the same call may succeed later; retry where executed is no.',
          properties: {
            code: { enum: Object.keys(codes) },
            message: { type: 'string' },
            executed: { enum: ['no', 'maybe', 'yes'] },
            retryable: { type: 'boolean' },
            details: {},
            data: { description: 'What Waybill-Data of the request said.' },
            xclass: { type: 'string', description: 'Of an error that the method threw: its class.' },
            xstate: { type: 'object', description: 'Its fields, where the service lets them out.' },
            incident: { type: 'string', description: 'Finds it in the log of the service.' },
          },
          required: ['code', 'message', 'executed', 'retryable'],
        },
      },
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'Where the router asks for tokens.' } },
    },
  }
}

/** Of the newest version without a range, as most calls are made; of the others with their version. */
function pathOf(
  service: string,
  versions: readonly OfferedVersion[],
  { version }: OfferedVersion,
  method: Described,
  isNewest: boolean,
): readonly [string, Json] {
  const address = isNewest ? service : `${service}@${version}`
  const path = `/call/${address}/${encodeURIComponent(method.name)}`
  const place = ['paths', path, 'post'] as const
  const { parameters: types, returns, idempotent, isGuarded, errors } = method
  const about = [
    `Version ${version}.`,
    isNewest && versions.length > 1 && `A call without a range goes to any of ${versions.map((one) => one.version).join(', ')}.`,
    idempotent && 'May run more than once for one call.',
    isGuarded && 'The service asks for each call who makes it.',
    errors !== undefined && errors.length > 0 && `Throws ${errors.join(', ')}.`,
  ]
  const at = [...place, 'requestBody', 'content', JSON_TYPE, 'schema', 'prefixItems']
  const known = types?.map((type, index) => schemaOf(type, [...at, index])) ?? []
  const result = schemaOf(returns, [...place, 'responses', '200', 'content', JSON_TYPE, 'schema'])
  const operation = {
    operationId: `${address}.${method.name}`,
    tags: [service],
    description: about.filter(Boolean).join(' '),
    parameters: Object.keys(parameters).map((name) => ({ $ref: `#/components/parameters/${name}` })),
    requestBody: { content: { [JSON_TYPE]: { schema: { type: 'array', ...(known.length > 0 && { prefixItems: known }) } } } },
    responses: {
      200: { description: 'The result.', content: { [JSON_TYPE]: { schema: result } } },
      202: { $ref: '#/components/responses/Received' },
      204: { description: 'It has no result.' },
      '4XX': { $ref: '#/components/responses/Refused' },
      '5XX': { $ref: '#/components/responses/Failed' },
    },
  }
  return [path, { post: operation }]
}

/** With what the table says of each code from this status on. */
function failure(title: string, from: number): Json {
  const rows = Object.entries(codes)
    .filter(([, { status }]) => status >= from && status < from + 100)
    .toSorted(([, one], [, other]) => one.status - other.status)
    .map(([code, { status, meaning }]) => `- ${status} ${code}: ${meaning}`)
  return { description: `${title}.\n\n${rows.join('\n')}`, content: { [JSON_TYPE]: { schema: { $ref: '#/components/schemas/Failure' } } } }
}

const parameters: Readonly<Record<string, Json>> = {
  Prefer: header('Prefer', 'respond-async stores the call and answers with its receipt; wait=10 is how many seconds the answer may take.'),
  Timeout: header('Waybill-Timeout', 'How long the answer may take: milliseconds, or such as 30s.'),
  Ttl: header('Waybill-Ttl', 'How long the call may wait for somebody to take it.'),
  Key: header('Idempotency-Key', 'Stores the call; the same key again is the same call.'),
  Data: header('Waybill-Data', 'JSON of your own, which comes back with errors and stands in the receipt.'),
}

function header(name: string, description: string): Json {
  return { name, in: 'header', description, schema: { type: 'string' } }
}
