// Where the terminal begins: the settings are applied before the first paint, then everything is drawn.
import "./style/base.css";
import "./style/shell.css";
import "./style/parts.css";
import "./style/market.css";
import "./style/account.css";
import "./style/desk.css";
import { render } from "preact";
import { App } from "./app";
import { applySettings } from "./settings";

applySettings();
const place = document.getElementById("terminal");
if (place === null) throw new Error("the page has no place for the terminal");
render(<App />, place);
