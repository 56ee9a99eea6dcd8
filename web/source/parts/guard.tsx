// A page that cannot be drawn says so, and leaves the others usable; the fault itself is told to the browser as any other.
import { Component, type ComponentChildren } from "preact";
import { t } from "../i18n";

export class Guard extends Component<{ children: ComponentChildren }, { isBroken: boolean }> {
  override state = { isBroken: false };

  static override getDerivedStateFromError() {
    return { isBroken: true };
  }

  override componentDidCatch(error: unknown) {
    reportError(error);
  }

  override render() {
    if (!this.state.isBroken) return <>{this.props.children}</>;
    return (
      <div class="failure" role="alert">
        <p class="failure-title">{t("state.broken")}</p>
        <p>{t("state.broken_remedy")}</p>
        <button type="button" onClick={() => location.reload()}>
          {t("state.again")}
        </button>
      </div>
    );
  }
}
