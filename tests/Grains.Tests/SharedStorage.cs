using System.Collections.Concurrent;
using System.Globalization;
using Orleans.Storage;

namespace Granary.Grains.Tests;

/// <summary>
/// Grain storage that outlives every silo of a test cluster, guarded by ETags as a real one is. Orleans' own memory storage
/// lies in grains, and dies with their silo.
/// </summary>
public sealed class SharedStorage : IGrainStorage
{
    private readonly ConcurrentDictionary<(string, GrainId), (object State, long Version)> records = new();

    /// <summary>While it is away every write fails.</summary>
    public bool IsAway { get; set; }

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (records.TryGetValue((stateName, grainId), out var record))
        {
            grainState.State = (T)Copy(record.State);
            grainState.ETag = record.Version.ToString(CultureInfo.InvariantCulture);
            grainState.RecordExists = true;
        }
        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (IsAway)
        {
            throw new IOException("The storage is away.");
        }
        lock (records)
        {
            var stored = records.TryGetValue((stateName, grainId), out var record) ? record.Version : 0;
            var known = grainState.ETag is { } tag ? long.Parse(tag, CultureInfo.InvariantCulture) : 0;
            if (known != stored)
            {
                throw new InconsistentStateException("Somebody else has written.", $"{stored}", grainState.ETag);
            }
            records[(stateName, grainId)] = (Copy(grainState.State!), stored + 1);
            grainState.ETag = (stored + 1).ToString(CultureInfo.InvariantCulture);
            grainState.RecordExists = true;
        }
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        records.TryRemove((stateName, grainId), out _);
        return Task.CompletedTask;
    }

    /// <summary>As a server that comes back without its file.</summary>
    public void LoseData() => records.Clear();

    public bool Knows(GrainId grainId) => records.Keys.Any(known => known.Item2 == grainId);

    /// <summary>As if another activation of the grain had written what is there once more.</summary>
    public void Touch(GrainId grainId)
    {
        lock (records)
        {
            var key = records.Keys.Single(known => known.Item2 == grainId);
            records[key] = (records[key].State, records[key].Version + 1);
        }
    }

    // The records' properties are immutable, but for a few lists that grains change in place.
    private static object Copy(object state)
    {
        var copy = Activator.CreateInstance(state.GetType())!;
        foreach (var property in state.GetType().GetProperties())
        {
            property.SetValue(copy, property.GetValue(state) switch
            {
                List<string> list => list.ToList(),
                Dictionary<string, string> dictionary => new Dictionary<string, string>(dictionary),
                var value => value,
            });
        }
        return copy;
    }
}
