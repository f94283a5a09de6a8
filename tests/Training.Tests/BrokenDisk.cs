using System.Collections.Concurrent;
using Granary.Tests.Fakes;
using Granary.Training.Checkpoints;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Training.Tests;

/// <summary>A run directory on a disk that can be slow or full, and a replica whose checkpoints go there.</summary>
public sealed class BrokenDisk : IDisposable
{
    private static readonly RunSpec spec = new() { RunId = "points", Output = "/runs/points", Task = "points", Shards = 3, Steps = 12 };
    private readonly ITrainingReplica replica = new PointsTask().CreateReplica(spec);

    public BrokenDisk()
    {
        RunFolder.Take(Folder, spec.RunId, isNew: true, TimeProvider.System).Dispose();
        Store = new(Folder, Create);
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public string Checkpoints => Path.Combine(Folder, "checkpoints");

    public CheckpointStore Store { get; }

    /// <summary>Called before a file comes to be; may block or throw.</summary>
    public Action<string> Creating { get; set; } = _ => { };

    /// <summary>Bytes that still fit.</summary>
    public long Free { get; set; } = long.MaxValue;

    public ConcurrentQueue<CheckpointOutcome> Outcomes { get; } = new();

    /// <summary>Names of the hidden directories, which hold what is half written or half deleted.</summary>
    public IEnumerable<string> Leftovers => Directory.GetDirectories(Checkpoints, ".*").Select(path => Path.GetFileName(path)!);

    public CheckpointWriter Writer(int keep) => new(Store, keep, Outcomes.Enqueue, _ => { });

    public Checkpoint Write(long step, double score = 1) => Store.Write(StateAt(step), CheckpointTests.Manifest(spec, replica, step, score));

    public void Begin(CheckpointWriter writer, long step, double score)
    {
        writer.WaitForCopy();
        writer.Begin(StateAt(step), CheckpointTests.Manifest(spec, replica, step, score));
    }

    /// <summary>A state that is the step's own.</summary>
    public ReplicaState StateAt(long step)
    {
        replica.State.Tensors[0].Values.Fill(step);
        return replica.State;
    }

    public CheckpointManifest Signed(long step, double score) => CheckpointTests.Manifest(spec, replica, step, score) with { WeightsSha256 = WeightsHash.Of(StateAt(step)) };

    public bool IsBest(CheckpointWriter writer, double score) => writer.IsBest(score, replica.Measure);

    public void Dispose()
    {
        replica.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private LimitedFile Create(string path)
    {
        Creating(path);
        return new(path, this);
    }

    private sealed class LimitedFile(string path, BrokenDisk disk) : FileStream(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, bufferSize: 0)
    {
        public override void Write(ReadOnlySpan<byte> buffer)
        {
            var fits = (int)Math.Min(buffer.Length, disk.Free);
            base.Write(buffer[..fits]);
            disk.Free -= fits;
            if (fits < buffer.Length)
            {
                throw new IOException($"No space left on device : '{Name}'");
            }
        }
    }
}
