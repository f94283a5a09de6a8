using System.Globalization;
using Granary.Training.Loop;

namespace Granary.Chaos;

/// <summary>What a silo's gate says on standard output, a line each, between the lines of its log.</summary>
public enum GateWord
{
    /// <summary>A worker has come to where it is to be held, and waits.</summary>
    Reached,

    /// <summary>A worker has committed a step.</summary>
    Committed,

    /// <summary>A bit of a worker's weights has been flipped.</summary>
    Flipped,

    /// <summary>No word came for too long: the gate is open again.</summary>
    GaveUp,
}

/// <summary>A line of the talk between a silo's <see cref="StepGate"/> and the program that the silo is attached to.</summary>
/// <param name="Ticks">When, on the clock that all processes of a machine share.</param>
public sealed record GateLine(GateWord Word, string Slot, Position At, long Ticks)
{
    private const string Prefix = "@gate ";

    /// <summary>Lets all workers go on.</summary>
    public const string Open = "gate open";

    /// <summary>Whoever is held is to go on waiting.</summary>
    public const string Stay = "gate stay";

    private const string HoldPrefix = "gate hold ", WatchPrefix = "gate watch ", FlipPrefix = "gate flip ";

    /// <summary>Asks to be told of the first step to be committed after this one.</summary>
    public static string Watch(long after) => string.Create(CultureInfo.InvariantCulture, $"{WatchPrefix}{after}");

    /// <summary>Which step to watch from; <see langword="null"/>: the line says something else.</summary>
    public static long? ParseWatch(string line) =>
        line.StartsWith(WatchPrefix, StringComparison.Ordinal) ? long.Parse(line[WatchPrefix.Length..], CultureInfo.InvariantCulture) : null;

    /// <summary>Flips a bit of a worker that is held: the bit of this number, modulo how many its weights have.</summary>
    public static string Flip(ulong draw) => string.Create(CultureInfo.InvariantCulture, $"{FlipPrefix}{draw}");

    /// <summary>Which bit to flip; <see langword="null"/>: the line says something else.</summary>
    public static ulong? ParseFlip(string line) =>
        line.StartsWith(FlipPrefix, StringComparison.Ordinal) ? ulong.Parse(line[FlipPrefix.Length..], CultureInfo.InvariantCulture) : null;

    /// <summary>Holds workers that come to this point or a later one; whoever is held before it goes on.</summary>
    public static string Hold(Position at) => string.Create(CultureInfo.InvariantCulture, $"{HoldPrefix}{at.Step} {at.Phase}");

    /// <summary>Where workers are to be held; <see langword="null"/>: the line says something else.</summary>
    public static Position? ParseHold(string line) =>
        line.StartsWith(HoldPrefix, StringComparison.Ordinal) && line[HoldPrefix.Length..].Split(' ') is [var step, var phase]
            ? new(long.Parse(step, CultureInfo.InvariantCulture), int.Parse(phase, CultureInfo.InvariantCulture))
            : null;

    /// <summary><see langword="null"/>: a line of the silo's log.</summary>
    public static GateLine? Parse(string line) =>
        line.StartsWith(Prefix, StringComparison.Ordinal) && line.Split(' ') is [_, var word, var slot, var step, var phase, var ticks]
            ? new(Enum.Parse<GateWord>(word), slot, new(long.Parse(step, CultureInfo.InvariantCulture), int.Parse(phase, CultureInfo.InvariantCulture)), long.Parse(ticks, CultureInfo.InvariantCulture))
            : null;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Word} {Slot} {At.Step} {At.Phase} {Ticks}");
}
