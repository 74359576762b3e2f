import { z } from 'zod';
import { defineEvent } from '../../../../platform/events/index.ts';

/** Somebody asked for an export, or one whose maker is gone is to be made anew. */
export const exportRequested = defineEvent('export.requested', { exportId: z.uuid() });
