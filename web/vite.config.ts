// How the pages are built: no script or style inline (the policy forbids it), every name with a digest of its content.
import { defineConfig } from "vite";

export default defineConfig({
  base: "/",
  logLevel: "warn",
  publicDir: "public",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../gateway/web/built",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    license: { fileName: "licences.md" },
  },
});
