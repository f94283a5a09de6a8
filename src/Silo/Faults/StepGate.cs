using System.Diagnostics;
using Granary.Grains.Slots;
using Granary.Training.Loop;

namespace Granary.Silo.Faults;

/// <summary>
/// Holds the silo's workers at a step and phase that the program it is attached to has named, until that program lets them
/// go: it strikes meanwhile. The silo's end of the talk; see <see cref="GateLine"/>.
/// </summary>
/// <param name="say">Takes a line to that program.</param>
internal sealed class StepGate(Action<string> say) : IStepGate
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly object turn = new();
    private Position? hold;
    private long? watchedAfter;
    private long lastWord;

    public void Computed(string runId, string slot, long step, int phase)
    {
        var at = new Position(step, phase);
        lock (turn)
        {
            if (!Holds(at))
            {
                return;
            }
            lastWord = Stopwatch.GetTimestamp();
            Say(GateWord.Reached, slot, at);
            while (Holds(at))
            {
                Monitor.Wait(turn, TimeSpan.FromSeconds(1));
                if (Holds(at) && Stopwatch.GetElapsedTime(lastWord) > Patience)
                {
                    hold = null;
                    Say(GateWord.GaveUp, slot, at);
                    Monitor.PulseAll(turn);
                }
            }
        }
    }

    public void Committed(string runId, string slot, long step)
    {
        lock (turn)
        {
            if (step > watchedAfter)
            {
                watchedAfter = null;
                Say(GateWord.Committed, slot, new(step));
            }
        }
    }

    /// <summary>A line has come; <see langword="null"/>: no other will.</summary>
    public void Hear(string? line)
    {
        lock (turn)
        {
            lastWord = Stopwatch.GetTimestamp();
            if (line is null or GateLine.Open)
            {
                hold = null;
            }
            else if (GateLine.ParseHold(line) is { } at)
            {
                hold = at;
            }
            else if (GateLine.ParseWatch(line) is { } after)
            {
                watchedAfter = after;
            }
            Monitor.PulseAll(turn);
        }
    }

    private bool Holds(Position at) => hold is { } from && at.CompareTo(from) >= 0;

    private void Say(GateWord word, string slot, Position at) => say(new GateLine(word, slot, at, Stopwatch.GetTimestamp()).ToString());
}
