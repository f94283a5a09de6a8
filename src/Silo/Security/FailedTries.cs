using System.Net;

namespace Granary.Silo.Security;

/// <summary>Slows down whoever tries tokens that open nothing, by address.</summary>
internal sealed class FailedTries(TimeProvider time)
{
    /// <summary>How many are free; each further one doubles the wait, which begins with a second.</summary>
    public const int Free = 5;

    /// <summary>How many addresses are kept in mind. Of more at once all are forgotten: memory has a bound, and no single one guesses faster for it.</summary>
    public const int MostAddresses = 10_000;

    private const int MostDoublings = 6;
    private static readonly TimeSpan Forgotten = TimeSpan.FromMinutes(10);
    private readonly Dictionary<IPAddress, (int Count, DateTimeOffset At)> failed = [];
    private readonly Lock sync = new();

    /// <summary>How long no token of this address is looked at.</summary>
    public TimeSpan WaitOf(IPAddress address)
    {
        lock (sync)
        {
            var wait = failed.TryGetValue(address, out var known) && known.Count > Free
                ? known.At + TimeSpan.FromSeconds(1 << Math.Min(known.Count - Free - 1, MostDoublings)) - time.GetUtcNow()
                : TimeSpan.Zero;
            return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
        }
    }

    /// <summary>Looks at a token, unless the address has to wait.</summary>
    /// <param name="wait">How long; zero: it was looked at.</param>
    /// <returns><see langword="null"/>: it opens nothing, or was not looked at.</returns>
    public AdmittedToken? Admit(IPAddress address, AccessTokens tokens, string text, out TimeSpan wait)
    {
        wait = WaitOf(address);
        if (wait > TimeSpan.Zero)
        {
            return null;
        }
        if (tokens.Find(text) is not { } known)
        {
            Failed(address);
            return null;
        }
        Succeeded(address);
        return known;
    }

    public void Failed(IPAddress address)
    {
        lock (sync)
        {
            var now = time.GetUtcNow();
            var before = failed.TryGetValue(address, out var known) && now - known.At < Forgotten ? known.Count : 0;
            if (failed.Count >= MostAddresses && before == 0)
            {
                failed.Clear();
            }
            failed[address] = (before + 1, now);
        }
    }

    /// <summary>Whoever has a good token is not held up by another of the same address for longer than needed.</summary>
    public void Succeeded(IPAddress address)
    {
        lock (sync)
        {
            failed.Remove(address);
        }
    }

    /// <summary>How many addresses are kept in mind.</summary>
    internal int Count => failed.Count;
}
