using System.Diagnostics;
using Granary.Grains.Slots;
using Granary.Silo;
using Granary.Training.Loop;
using Granary.Training.Tasks;
using Microsoft.Extensions.DependencyInjection;

namespace Granary.Chaos;

/// <summary>
/// Holds the silo's workers at a step and phase that the program it is attached to has named, until that program lets them
/// go: it strikes meanwhile. The silo's end of the talk; see <see cref="GateLine"/>.
/// </summary>
/// <param name="say">Takes a line to that program.</param>
public sealed class StepGate(Action<string> say) : IStepGate
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly object turn = new();
    private Position? hold;
    private long? watchedAfter;
    private ulong? flip;
    private long lastWord;

    /// <summary>For a silo whose program's standard input and output carry the talk.</summary>
    public static SiloAttachment Attach()
    {
        var gate = new StepGate(Console.Out.WriteLine);
        return new() { AddServices = services => services.AddSingleton<IStepGate>(gate), Hear = gate.Hear };
    }

    public void Computed(string runId, string slot, long step, int phase, ReplicaState state)
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
                if (flip is { } draw)
                {
                    flip = null;
                    Flip(state, draw);
                    Say(GateWord.Flipped, slot, at);
                }
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
            else if (GateLine.ParseFlip(line) is { } draw)
            {
                flip = draw;
            }
            Monitor.PulseAll(turn);
        }
    }

    /// <summary>Flips one bit of a worker's weights.</summary>
    private static void Flip(ReplicaState state, ulong draw)
    {
        var weights = state.Tensors.Where(tensor => tensor.Kind == StateKind.Model).ToList();
        const int bitsOf = 8 * sizeof(float);
        var at = (long)(draw % (ulong)weights.Sum(tensor => tensor.Length * bitsOf));
        foreach (var tensor in weights)
        {
            if (at < tensor.Length * bitsOf)
            {
                ref var value = ref tensor.Values[(int)(at / bitsOf)];
                value = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(value) ^ (1 << (int)(at % bitsOf)));
                return;
            }
            at -= tensor.Length * bitsOf;
        }
    }

    private bool Holds(Position at) => hold is { } from && at.CompareTo(from) >= 0;

    private void Say(GateWord word, string slot, Position at) => say(new GateLine(word, slot, at, Stopwatch.GetTimestamp()).ToString());
}
