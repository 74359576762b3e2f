import { Module } from '@nestjs/common';

/** What keeps personal data from whoever has no need of it. */
@Module({})
export class PrivacyModule {}
