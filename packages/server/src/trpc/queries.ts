/** Which receipts and which dead letters, as the remote class is asked. What they say of the caller's own data is read there. */
import type { ReceiptQuery } from '@waybill/core'
import * as z from 'zod'

const shared = {
  sn: z.string().optional(),
  client: z.string().optional(),
  service: z.string().optional(),
  method: z.string().optional(),
  key: z.string().optional(),
  data: z.custom<ReceiptQuery['data']>().optional(),
  limit: z.number().optional(),
}

export const receiptQuery = z.strictObject({ ...shared, state: z.string().optional() })

export const deadQuery = z.strictObject({
  ...shared,
  reason: z.string().optional(),
  redriven: z.boolean().optional(),
  everyone: z.boolean().optional(),
})
