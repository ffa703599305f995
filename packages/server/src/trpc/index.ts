/** The types of the router's API over tRPC, as `@waybill/server/trpc`: all that a client of it needs beside `@trpc/client` and superjson. */
export type { TrpcApi } from './api.js'
export type { ToldContent } from './contents.js'
export type { ToldFailure } from './failures.js'
export type { Heard, ToldEvent, ToldGap } from './listening.js'
export type { ToldItem } from './receiving.js'
export type { ToldResult } from './sending.js'
