import { z } from 'zod';
import { roles } from '../../../kernel/permissions.ts';
import { pageOf } from '../../../platform/http/index.ts';
import { Email, Password } from '../sign-in/auth.schemas.ts';

const Role = z.enum(roles);

/** A member as the API shows them. */
export const MemberResponse = z
  .object({
    object: z.literal('member'),
    id: z.string().meta({ description: 'The user, `usr_…`.' }),
    email: z.string().nullable().meta({ description: 'Null where it can no longer be read.' }),
    role: Role,
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'Member' });

/** A list of members. */
export const MemberPage = pageOf('MemberList', MemberResponse);

/** Body of "give a member another role". */
export const UpdateMember = z.strictObject({ role: Role }).meta({ id: 'UpdateMember' });
/** Another role, validated. */
export type UpdateMember = z.output<typeof UpdateMember>;

/** Body of "invite somebody". */
export const CreateInvitation = z.strictObject({ email: Email, role: Role }).meta({ id: 'CreateInvitation' });
/** Who is to be invited, validated. */
export type CreateInvitation = z.output<typeof CreateInvitation>;

/** An invitation as the API shows it. */
export const InvitationResponse = z
  .object({
    object: z.literal('invitation'),
    id: z.string(),
    email: z.string().nullable(),
    role: Role,
    invited_by: z.string(),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime(),
  })
  .meta({ id: 'Invitation' });

/** An invitation as whoever makes it gets it. */
export const NewInvitationResponse = InvitationResponse.extend({
  token: z
    .string()
    .nullable()
    .meta({ description: 'Only where no mail server is set (SMTP_URL), shown this once: hand it over by a way that you trust.' }),
}).meta({ id: 'NewInvitation' });

/** A list of invitations. */
export const InvitationPage = pageOf('InvitationList', InvitationResponse);

/** Body of "accept an invitation". */
export const AcceptInvitation = z
  .strictObject({
    token: z.string().min(1).max(100),
    password: Password.meta({ description: 'A new one, or that of an account with the same e-mail, which then joins this tenant too.' }),
  })
  .meta({ id: 'AcceptInvitation' });
/** An acceptance, validated. */
export type AcceptInvitation = z.output<typeof AcceptInvitation>;
