using Microsoft.Extensions.Logging;
using Orleans.Storage;

namespace Granary.Grains.Persistence;

/// <summary>
/// Storage that may lose its data: a record that a grain has read or written before, and that is there no more, is written anew.
/// A record that somebody else has written meanwhile is a conflict as ever.
/// </summary>
public sealed partial class RestoringStorage(IGrainStorage storage, ILogger<RestoringStorage> logger) : IGrainStorage
{
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => storage.ReadStateAsync(stateName, grainId, grainState);

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => storage.ClearStateAsync(stateName, grainId, grainState);

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        try
        {
            await storage.WriteStateAsync(stateName, grainId, grainState);
        }
        catch (InconsistentStateException) when (grainState.ETag is not null)
        {
            var stored = new GrainState<T>();
            await storage.ReadStateAsync(stateName, grainId, stored);
            if (stored.RecordExists)
            {
                throw;
            }
            grainState.ETag = null;
            await storage.WriteStateAsync(stateName, grainId, grainState);
            LogRestored(grainId);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Storage had lost the record of {Grain}: it was written anew")]
    private partial void LogRestored(GrainId grain);
}
