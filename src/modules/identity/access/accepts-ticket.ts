import { SetMetadata } from '@nestjs/common';

const acceptsTicketKey = 'parley:accepts-ticket';

/** Marks a route that a visitor may call with `Authorization: Bearer tkt_…`; each call uses one ticket up. */
export const AcceptsTicket = (): MethodDecorator => SetMetadata(acceptsTicketKey, true);

/** True when a handler is marked with AcceptsTicket. */
export function acceptsTicket(handler: object): boolean {
  return Reflect.getMetadata(acceptsTicketKey, handler) === true;
}
