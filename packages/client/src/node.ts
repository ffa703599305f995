/** What only Node has: `currentCall()` also works after an `await`. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { installCallStorage, type CurrentCall } from '@waybill/core'

installCallStorage(new AsyncLocalStorage<CurrentCall | undefined>())
