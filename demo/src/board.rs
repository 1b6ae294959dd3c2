//! What one sees while it runs: a live table in a terminal, else plain lines, one a second.

mod rows;

use std::io::{IsTerminal, Write, stdout};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::figures::Figures;
pub(crate) use rows::{bytes, saved};

const TEMPLATE: &str = "{title:.bold}  {seconds}\n{bar:52.green/dim}  {pos} of {len} verified\n\n\
                        {producers_head:.dim}\n{producers}\n\n{destinations_head:.dim}\n{destinations}\n\n\
                        {bridge}\n{blocked:.dim}";
/// What the table's last columns can show.
const BLOCKED: &str = "flagged    sent with the scanner's verdict in m2m-threat\nblocked    by the scanner's policy, or longer than the size limit";

/// How often the table is drawn at most.
const HERTZ: u8 = 15;
/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(1);

/// Shows figures while they change.
pub(crate) struct Board {
    shown: Arc<Mutex<Shown>>,
    begun: Instant,
    form: Form,
}

enum Form {
    Table { all: MultiProgress, bar: ProgressBar },
    Lines { next: Duration },
}

/// What the table is drawn from.
#[derive(Default)]
struct Shown {
    figures: Figures,
    bridge: String,
}

impl Board {
    /// A table in a terminal, lines elsewhere.
    pub(crate) fn new(title: String, planned: usize) -> anyhow::Result<Self> {
        let shown = Arc::default();
        let form = if stdout().is_terminal() {
            let style = style(title, &shown)?;
            let all = MultiProgress::with_draw_target(ProgressDrawTarget::stdout_with_hz(HERTZ));
            // Lines are written over each other, not cleared first: so nothing flickers.
            all.set_move_cursor(true);
            let bar = all.add(ProgressBar::new(u64::try_from(planned)?).with_style(style));
            Form::Table { all, bar }
        } else {
            writeln!(stdout(), "{title}")?;
            Form::Lines { next: LINE }
        };
        Ok(Self { shown, begun: Instant::now(), form })
    }

    /// Shows these figures, and what the bridge says of itself.
    pub(crate) fn show(&mut self, figures: &Figures, bridge: &str) -> anyhow::Result<()> {
        let elapsed = self.begun.elapsed();
        match &mut self.form {
            Form::Table { bar, .. } => draw(bar, &self.shown, figures, bridge),
            Form::Lines { next } if elapsed >= *next => {
                *next = elapsed + LINE;
                let (sent, planned, arrived) = (figures.sent(), figures.planned, figures.arrived());
                let verified = figures.verified();
                let seconds = elapsed.as_secs_f64();
                writeln!(
                    stdout(),
                    "{seconds:5.1} s  sent {sent} of {planned}, arrived {arrived}, verified {verified}",
                )?;
            }
            Form::Lines { .. } => {}
        }
        Ok(())
    }

    /// Leaves the table as it is: the terminal has written `^C` into it, so that nothing more can be drawn over it.
    pub(crate) fn interrupted(self) -> anyhow::Result<()> {
        if let Form::Table { all, .. } = &self.form {
            all.set_draw_target(ProgressDrawTarget::hidden());
        }
        Ok(writeln!(stdout(), "\ninterrupted")?)
    }

    /// Leaves the table as it stands and the cursor below it; where there is no terminal, writes it. Returns how long it all took.
    pub(crate) fn finish(self, figures: &Figures, bridge: &str) -> anyhow::Result<Duration> {
        let took = self.begun.elapsed();
        match &self.form {
            Form::Table { bar, .. } => {
                draw(bar, &self.shown, figures, bridge);
                bar.abandon();
                writeln!(stdout())?;
            }
            Form::Lines { .. } => {
                let (head, rows) = (rows::producers_head(), rows::producers(figures));
                writeln!(stdout(), "\n{head}\n{rows}")?;
                let (head, rows) = (rows::destinations_head(), rows::destinations(figures));
                writeln!(stdout(), "\n{head}\n{rows}\n\n{bridge}\n{BLOCKED}")?;
            }
        }
        Ok(took)
    }
}

fn draw(bar: &ProgressBar, shown: &Mutex<Shown>, figures: &Figures, bridge: &str) {
    {
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = Shown { figures: figures.clone(), bridge: bridge.to_owned() };
    }
    let due = figures.planned.saturating_sub(figures.refused());
    bar.set_length(u64::try_from(due).unwrap_or(u64::MAX));
    bar.set_position(u64::try_from(figures.verified()).unwrap_or(u64::MAX));
    bar.tick();
}

fn style(title: String, shown: &Arc<Mutex<Shown>>) -> anyhow::Result<ProgressStyle> {
    let with = |write: fn(&Shown) -> String| {
        let shown = Arc::clone(shown);
        move |_: &ProgressState, line: &mut dyn std::fmt::Write| {
            let text = write(&shown.lock().unwrap_or_else(PoisonError::into_inner));
            // Into a string, which takes everything.
            let _ = line.write_str(&text);
        }
    };
    let style = ProgressStyle::with_template(TEMPLATE)?
        .progress_chars("━━─")
        .with_key("title", move |_: &ProgressState, line: &mut dyn std::fmt::Write| {
            let _ = line.write_str(&title);
        })
        .with_key("seconds", |state: &ProgressState, line: &mut dyn std::fmt::Write| {
            let _ = write!(line, "{:4.1} s", state.elapsed().as_secs_f64());
        })
        .with_key("producers_head", with(|_| rows::producers_head()))
        .with_key("producers", with(|shown| rows::producers(&shown.figures)))
        .with_key("destinations_head", with(|_| rows::destinations_head()))
        .with_key("destinations", with(|shown| rows::destinations(&shown.figures)))
        .with_key("blocked", with(|_| BLOCKED.to_owned()))
        .with_key("bridge", with(|shown| shown.bridge.clone()));
    Ok(style)
}
