import { defineConfig } from 'vite';

// One script and one style sheet by fixed names: the server gives each an entity tag by its content.
export default defineConfig({
  build: {
    target: 'es2022',
    outDir: '../build/islands',
    emptyOutDir: true,
    modulePreload: false,
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: 'src/main.ts',
      output: { entryFileNames: 'islands.js', assetFileNames: 'islands[extname]' },
    },
  },
});
