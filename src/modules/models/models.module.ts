import { Module } from '@nestjs/common';
import { Models } from './models.service.ts';

/** Model providers. */
@Module({ providers: [Models], exports: [Models] })
export class ModelsModule {}
