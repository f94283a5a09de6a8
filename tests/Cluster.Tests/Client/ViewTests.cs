using Granary.Client.Commands;
using Granary.Client.Sessions;
using Granary.Client.Views;
using Granary.Contracts;
using Spectre.Console;

namespace Granary.Cluster.Tests.Client;

/// <summary>What is shown of a run, and what becomes of the run when that breaks.</summary>
public class ViewTests
{
    private static readonly RunStatus status = new()
    {
        Spec = new() { RunId = "r[1]/[red]", Task = "two-layer", Output = "/runs/r[1]" },
        State = RunState.Running,
        Measure = "loss[",
        Best = 1,
        Metrics = new() { ["[loss]"] = double.NaN },
        Slots = ["silo-0/0 [0, 2)"],
        Unit = "samples[/]",
    };

    [Fact]
    public async Task View_ThatBreaks_LeavesTheRunToTheNext()
    {
        var second = new CountingView();
        await using var run = new WatchedRun(Events(5));
        var last = await run.ShowAsync([new BreakingView(after: 2), second]);
        Assert.Equal((3, RunState.Succeeded), (second.Shown, last.State));
    }

    [Fact]
    public async Task Views_ThatAllBreak_LeaveTheRunToItsEnd()
    {
        await using var run = new WatchedRun(Events(5));
        Assert.Equal(RunState.Succeeded, (await run.ShowAsync([new BreakingView(after: 1), new BreakingView(after: 0), new LazyView()])).State);
    }

    [Fact]
    public async Task View_ThatBreaksAtTheLastEvent_HidesNoResult()
    {
        await using var run = new WatchedRun(Events(1));
        Assert.Equal(RunState.Succeeded, (await run.ShowAsync([new BreakingView(after: 1)])).State);
    }

    [Fact]
    public async Task Run_ThatIsLost_IsNoBrokenView()
    {
        var view = new CountingView();
        await using var run = new WatchedRun(Events(3, new LostSightException("run", TimeSpan.FromMinutes(1), "gone")));
        await Assert.ThrowsAsync<LostSightException>(() => run.ShowAsync([view, view]));
        Assert.Equal(3, view.Shown);
    }

    [Fact]
    public void Panel_WithBracketsInNames_ShowsThemAsTheyAre()
    {
        var shown = Screen.Plain(new LiveView().Draw(status));
        foreach (var text in new[] { "r[1]/[red]", "loss[", "[loss] NaN", "silo-0/0 [0, 2)", "samples[/]" })
        {
            Assert.Contains(text, shown, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(5, 10, 1.0, "5 s")]
    [InlineData(0, 125, 1.0, "2 min 05 s")]
    [InlineData(0, 7260, 1.0, "2 h 01 min")]
    [InlineData(0, 1_000_000, 1.0, "12 days")]
    [InlineData(0, long.MaxValue, 1e-9, "years")]
    [InlineData(0, 10, double.PositiveInfinity, "0 s")]
    [InlineData(0, 10, double.NaN, "?")]
    [InlineData(0, 10, 0.0, "?")]
    [InlineData(0, 0, 1.0, "?")]
    [InlineData(20, 10, 1.0, "?")]
    public void Time_ThatIsLeft_IsToldForAnyNumbers(long step, long steps, double stepsPerSecond, string told) =>
        Assert.Equal(told, CountingView.Left(status with { Step = step, TotalSteps = steps }, stepsPerSecond));

    [Fact]
    public void Progress_BeyondItsEnd_IsDrawn() => Assert.Contains("100 %", Screen.Plain(new LiveView().Draw(status with { Step = 20, TotalSteps = 10 })), StringComparison.Ordinal);

    [Fact]
    public void Table_InAPipe_IsWholeAndWithoutBlanksAtTheEnd()
    {
        var reason = string.Concat(Enumerable.Repeat("why ", 300)) + "end";
        var lines = Screen.Plain(new Table().Border(TableBorder.Simple).AddColumns("run", "why").AddRow("a", reason).AddRow("b", "")).Split('\n');
        Assert.Contains(lines, line => line.EndsWith("end", StringComparison.Ordinal));
        Assert.All(lines, line => Assert.Equal(line.TrimEnd(), line));
    }

    [Theory]
    [InlineData("short", 80, 60, "short")]
    [InlineData("as long as it may be", 80, 60, "as long as it may be")]
    [InlineData("longer than what others leave", 80, 60, "longer than what ot…")]
    [InlineData("longer than what others leave", 0, 60, "longer th…")]
    public void Reason_InATerminal_IsCutToIt(string reason, int width, int others, string shown) => Assert.Equal(shown, Screen.Fit(reason, width, others));

    [Fact]
    public void List_InATerminal_TakesALineARun()
    {
        var runs = new[] { "short", string.Concat(Enumerable.Repeat("why ", 60)) }.Select(reason => status with { Reason = reason, Step = 1_000, TotalSteps = 20_000 }).ToList();
        var shown = Screen.Plain(ClusterCommands.List(runs, width: 80), width: 80);
        Assert.Equal(2, shown.Split('\n').Count(line => line.Contains("two-layer", StringComparison.Ordinal)));
        Assert.Equal(5, shown.Split('\n').Length);
        Assert.Contains("why…", shown, StringComparison.Ordinal);
        Assert.Equal(5, Screen.Plain(ClusterCommands.List(runs, int.MaxValue)).Split('\n').Length);
    }

    private static async IAsyncEnumerable<RunEvent> Events(int count, Exception? end = null)
    {
        for (var id = 1; id <= count; id++)
        {
            await Task.Yield();
            yield return new(id, default, "happened", status with { State = id == count ? RunState.Succeeded : RunState.Running });
        }
        if (end is not null)
        {
            throw end;
        }
    }

    private sealed class CountingView : RunView
    {
        public int Shown { get; private set; }

        public static string Left(RunStatus run, double stepsPerSecond) => Remaining(run, stepsPerSecond);

        public override async Task ShowAsync(IAsyncEnumerable<RunEvent> events)
        {
            await foreach (var _ in events)
            {
                Shown++;
            }
        }
    }

    private sealed class BreakingView(int after) : RunView
    {
        public override async Task ShowAsync(IAsyncEnumerable<RunEvent> events)
        {
            var left = after;
            await foreach (var _ in events)
            {
                if (--left <= 0)
                {
                    break;
                }
            }
            throw new InvalidOperationException("Could not find color or style 'red'.");
        }
    }

    /// <summary>Returns before the run's end.</summary>
    private sealed class LazyView : RunView
    {
        public override Task ShowAsync(IAsyncEnumerable<RunEvent> events) => Task.CompletedTask;
    }
}
