import { gzipSync } from 'node:zlib';

import { defineConfig } from 'vite';

// `npm run dev` serves the page with reloading, and sends everything else to a running Workyard.
const server = process.env.WORKYARD_URL ?? 'http://127.0.0.1:8000';

/** Beside each larger file its compressed form, which the server hands out as it is: a third of the size. */
const compressed = {
  name: 'compressed',
  apply: 'build',
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      for (const [fileName, file] of Object.entries(bundle)) {
        const source = Buffer.from(file.code ?? file.source);
        if (fileName.startsWith('assets/') && source.length > 4096) {
          this.emitFile({ type: 'asset', fileName: `${fileName}.gz`, source: gzipSync(source, { level: 9 }) });
        }
      }
    },
  },
};

export default defineConfig({
  base: '/static/graphiql/',
  plugins: [compressed],
  build: {
    outDir: '../../app/static/graphiql',
    emptyOutDir: true,
    target: 'es2022',
    // Fonts and images as files: the browser fetches only those that it draws.
    assetsInlineLimit: 0,
    // Monaco, the editor, is one piece of 3 MB; splitting it further makes nothing faster.
    chunkSizeWarningLimit: 5000,
    reportCompressedSize: false,
    rolldownOptions: {
      // "use client", which our dependencies carry for server-side React, means nothing here.
      onLog: (level, log, report) => log.code === 'MODULE_LEVEL_DIRECTIVE' || report(level, log),
    },
  },
  worker: { format: 'es' },
  server: {
    proxy: {
      '/graphql': { target: server, ws: true },
      '/session': { target: server },
    },
  },
});
