// The operators' desk and the supervisor's: one page a subject. Who may not act sees the same without a single button.
import type { FunctionComponent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { AccessSection } from "../desk/access";
import { ApprovalsSection } from "../desk/approvals";
import { ComplianceSection } from "../desk/compliance";
import { DaySection } from "../desk/day";
import { DifferencesSection } from "../desk/differences";
import { Done, done, may, takeTurn } from "../desk/doing";
import { MembersSection } from "../desk/members";
import { MoneySection } from "../desk/money";
import { OversightSection, WhyLook } from "../desk/oversight";
import { RegistrySection } from "../desk/registry";
import { RestrictionsSection } from "../desk/restrictions";
import { RulesSection } from "../desk/rules";
import { SettlementSection } from "../desk/settlement";
import { isOperator } from "../desk/shapes";
import { type Key, t } from "../i18n";
import { SignedIn } from "../parts/signed_in";
import { useEvery } from "../remote";
import { link } from "../router";

interface Section {
  name: string;
  title: Key;
  show: FunctionComponent;
  /** For a second person who may do nothing else, too. */
  isForApprovers?: boolean;
  /** For the competent authority, which files what entities have emitted, too. */
  isForAuthorities?: boolean;
  /** For the supervisor alone. */
  isForSupervisors?: boolean;
}

const SECTIONS: readonly [Section, ...Section[]] = [
  { name: "day", title: "desk.day", show: DaySection },
  { name: "approvals", title: "desk.approvals", show: ApprovalsSection, isForApprovers: true },
  { name: "restrictions", title: "desk.restrictions", show: RestrictionsSection },
  { name: "settlement", title: "desk.settlement", show: SettlementSection },
  { name: "differences", title: "desk.differences", show: DifferencesSection },
  { name: "money", title: "desk.money", show: MoneySection },
  { name: "registry", title: "desk.registry", show: RegistrySection },
  { name: "members", title: "desk.members", show: MembersSection },
  { name: "access", title: "desk.access", show: AccessSection },
  { name: "compliance", title: "desk.compliance", show: ComplianceSection, isForAuthorities: true },
  { name: "oversight", title: "desk.oversight", show: OversightSection, isForSupervisors: true },
  { name: "rules", title: "desk.rules", show: RulesSection },
];

/** A supervisor's every look is recorded, so that the page looks seldom by itself. */
const LOOK_MS = { operator: 5_000, supervisor: 300_000 } as const;

export const DESK_NEEDS = ["operate", "approve", "supervise", "authority"] as const;

/** What the page is called by whoever looks. */
export function deskName(): Key {
  if (may("operate", "approve")) return "nav.desk";
  return may("supervise") ? "desk.supervision" : "desk.authority";
}

export function DeskPage({ rest }: { rest: readonly string[] }) {
  return <SignedIn needs={DESK_NEEDS}>{() => <Desk asked={rest[0] ?? ""} />}</SignedIn>;
}

/** Operators and supervisors see every section, who may do one thing alone what it takes for that. */
function isShown({ isForApprovers, isForAuthorities, isForSupervisors }: Section): boolean {
  if (isForSupervisors) return may("supervise");
  return (
    may("operate", "supervise") ||
    (isForApprovers === true && may("approve")) ||
    (isForAuthorities === true && may("authority"))
  );
}

function Desk({ asked }: { asked: string }) {
  const isFirst = useRef(true);
  const ways = useRef<HTMLElement>(null);
  const sections = SECTIONS.filter(isShown);
  const isLooking = may("supervise") && !may("operate", "approve");
  const here = sections.find((section) => section.name === asked) ?? sections[0] ?? SECTIONS[0];
  useEvery(takeTurn, isOperator() ? LOOK_MS.operator : LOOK_MS.supervisor);
  // The focus moves when the section does
  useEffect(() => {
    if (isFirst.current) isFirst.current = false;
    else document.getElementById("content")?.focus();
    done.value = "";
    ways.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [here.name]);
  return (
    <>
      <h1>{t(may("operate", "approve") ? "desk.title" : deskName())}</h1>
      {isLooking && <p class="lead">{t("desk.read_only")}</p>}
      <nav class="sections" ref={ways} aria-label={t("desk.sections")}>
        {sections.map((section) => (
          <a
            key={section.name}
            href={link("desk", section.name)}
            aria-current={section === here ? "page" : undefined}
          >
            {t(section.title)}
          </a>
        ))}
      </nav>
      <Done />
      {isLooking && <WhyLook />}
      <here.show key={here.name} />
    </>
  );
}
