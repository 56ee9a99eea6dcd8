// Who takes part, with which accounts, and who may act for whom.
import type { Page } from "../api";
import { moment } from "../format";
import { word as named, t } from "../i18n";
import { momentOf } from "../parts/givens";
import { Paged } from "../parts/paged";
import { Panel } from "../parts/panel";
import { Answered } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { ActButton, plain, turn } from "./doing";
import { code, text, time, useLook, withActs, words } from "./looking";
import { desk, type Mandate, type MemberAccount, type Participant } from "./shapes";

const KINDS = [
  "project_applicant",
  "scenario_applicant",
  "rights_provider",
  "covered_entity",
  "institution",
  "individual",
];
const EARMARKS = ["voluntary_offset", "voluntary_cancellation", "donation", "damage_compensation"];
const ACTIONS = ["trade", "negotiate", "offset", "transfer"];

export function MembersSection() {
  return (
    <>
      <Participants />
      <Accounts />
      <Mandates />
    </>
  );
}

function Participants() {
  const columns: Column<Participant>[] = [
    code("participant", t("column.participant"), (one) => one.participant),
    text("kind", t("members.kind"), (one) => named("member_kind", one.kind)),
    code("accounts", t("members.accounts"), (one) => one.accounts.join(", ") || null),
  ];
  return (
    <Panel
      title={t("members.participants")}
      aside={
        <ActButton
          name={t("members.admit")}
          path={desk("participants")}
          asksWhy={false}
          wanted={[
            { name: "participant", label: t("column.participant"), hint: t("members.name_hint") },
            {
              name: "kind",
              label: t("members.kind"),
              kind: "choice",
              options: KINDS.map((value) => ({ value, label: named("member_kind", value) })),
            },
          ]}
        />
      }
    >
      <Paged<Participant>
        path={desk("participants?limit=50")}
        turn={turn.value}
        caption={t("members.participants")}
        columns={columns}
        keyOf={(one) => one.participant}
        none={t("members.none")}
      />
    </Panel>
  );
}

function Accounts() {
  const columns: Column<MemberAccount>[] = [
    code("account", t("column.account"), (one) => one.account),
    code("owner", t("members.owner"), (one) => one.owner),
    code("registry", t("members.registry_account"), (one) => one.registry_account),
    text("earmark", t("members.earmark"), (one) =>
      one.earmark === null ? null : named("purpose", one.earmark),
    ),
    words("state", t("column.state"), (one) =>
      one.restriction !== null
        ? t("holdings.restricted", { since: moment(one.restriction.since), reason: one.restriction.reason })
        : one.disputes > 0
          ? t("members.disputes", { n: one.disputes })
          : t("members.in_order"),
    ),
  ];
  return (
    <Panel
      title={t("members.accounts")}
      aside={
        <ActButton
          name={t("members.open")}
          path={desk("accounts")}
          asksWhy={false}
          about={<p>{t("members.open_about")}</p>}
          wanted={[
            { name: "account", label: t("column.account"), hint: t("members.name_hint") },
            { name: "owner", label: t("members.owner") },
            { name: "registry_account", label: t("members.registry_account") },
            {
              name: "earmark",
              label: t("members.earmark"),
              kind: "choice",
              isOptional: true,
              options: [
                { value: "", label: t("value.none") },
                ...EARMARKS.map((value) => ({ value, label: named("purpose", value) })),
              ],
            },
          ]}
        />
      }
    >
      <Paged<MemberAccount>
        path={desk("accounts?limit=50")}
        turn={turn.value}
        caption={t("members.accounts")}
        columns={columns}
        keyOf={(one) => one.account}
        none={t("members.none")}
      />
    </Panel>
  );
}

function Mandates() {
  const mandates = useLook<Page<Mandate>>(desk("mandates"));
  return (
    <Panel
      title={t("mandates.title")}
      aside={
        <ActButton
          name={t("mandates.grant")}
          path={desk("mandates")}
          about={<p>{t("mandates.about")}</p>}
          wanted={[
            { name: "account", label: t("mandates.account") },
            { name: "participant", label: t("mandates.participant") },
            {
              name: "actions",
              label: t("mandates.actions"),
              kind: "many",
              options: ACTIONS.map((value) => ({ value, label: named("scope", value) })),
            },
            { name: "until", label: t("mandates.until"), kind: "moment" },
          ]}
          body={(given) => ({
            ...plain(given),
            actions: (given["actions"] ?? "").split(","),
            until: momentOf(given["until"] ?? ""),
          })}
        />
      }
    >
      <Answered remote={mandates}>
        {(found) => (
          <Table
            none={t("mandates.none")}
            caption={t("mandates.title")}
            rows={found.items}
            keyOf={(one) => one.mandate}
            columns={mandateColumns()}
          />
        )}
      </Answered>
    </Panel>
  );
}

function mandateColumns(): Column<Mandate>[] {
  const columns: Column<Mandate>[] = [
    code("mandate", t("column.number"), (one) => one.mandate),
    code("account", t("mandates.account"), (one) => one.account),
    code("participant", t("mandates.participant"), (one) => one.participant),
    text("actions", t("mandates.actions"), (one) =>
      one.actions.map((action) => named("scope", action)).join(t("list.separator")),
    ),
    time("until", t("mandates.until"), (one) => one.until),
    text("state", t("column.state"), (one) => named("mandate_state", one.state)),
    words("reason", t("act.reason"), (one) => one.reason),
  ];
  withActs(columns, (one) =>
    one.state === "in_force" ? (
      <ActButton
        name={t("mandates.revoke")}
        of={one.mandate}
        kind="quiet act"
        path={desk(`mandates/${one.mandate}/revoke`)}
        about={<p>{t("mandates.revoke_about")}</p>}
      />
    ) : (
      "–"
    ),
  );
  return columns;
}
