import { defineConfig } from "vite";

export default defineConfig({
  base: "/graphiql/",
  build: {
    outDir: "../vigie/static/graphiql",
    emptyOutDir: true,
    license: { fileName: "licenses.md" }, // of everything bundled: it goes into the wheel
    chunkSizeWarningLimit: 5000, // kB: Monaco is one large chunk, and browsers keep it for a year
    rolldownOptions: {
      onwarn: (warning, warn) => warning.code === "MODULE_LEVEL_DIRECTIVE" || warn(warning), // React's "use client"
    },
  },
  server: { proxy: { "/graphql": { target: "http://127.0.0.1:8000", ws: true } } },
});
