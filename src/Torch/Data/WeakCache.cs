using System.Collections.Concurrent;

namespace Granary.Torch.Data;

/// <summary>
/// Values that are loaded once and shared for as long as somebody holds them: the replicas of one process read the same
/// data. Whoever asks for a value that is being loaded waits for it.
/// </summary>
internal sealed class WeakCache<TKey, TValue>(Func<TKey, TValue> load)
    where TKey : notnull
    where TValue : class
{
    private readonly ConcurrentDictionary<TKey, Entry> entries = [];

    public TValue Get(TKey key)
    {
        var entry = entries.GetOrAdd(key, _ => new());
        lock (entry)
        {
            if (!entry.Value.TryGetTarget(out var value))
            {
                value = load(key);
                entry.Value.SetTarget(value);
            }
            return value;
        }
    }

    private sealed class Entry
    {
        public WeakReference<TValue> Value { get; } = new(null!);
    }
}
