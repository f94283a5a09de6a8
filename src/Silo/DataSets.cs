using Granary.Torch.Data;

namespace Granary.Silo;

/// <summary>Public data sets that can be fetched.</summary>
public static class DataSets
{
    public static IEnumerable<(string Name, string Summary)> Known => PublicData.Known.Select(data => (data.Name, data.Summary));

    /// <summary>Fetches what the folder does not hold yet, and checks it.</summary>
    /// <param name="mirror">Where to fetch from instead of the publisher's address.</param>
    /// <param name="progress">Told a file's name, the bytes that are here and those there are in all.</param>
    /// <param name="waits">Told why a server is asked again, and when.</param>
    /// <exception cref="Granary.Training.Tasks.TrainingDataException">No data set has this name, or it cannot be fetched.</exception>
    public static async Task GetAsync(string name, string folder, Uri? mirror, Action<string, long, long> progress, Action<string> waits, CancellationToken cancellationToken)
    {
        using var http = new HttpClient();
        await new Downloader(http) { Waits = waits }.GetAsync(PublicData.Named(name), folder, mirror, new Report(progress), cancellationToken);
    }

    /// <summary>Unlike <see cref="Progress{T}"/>, reports at once and in order.</summary>
    private sealed class Report(Action<string, long, long> progress) : IProgress<DownloadProgress>
    {
        void IProgress<DownloadProgress>.Report(DownloadProgress value) => progress(value.File, value.Received, value.Length);
    }
}
